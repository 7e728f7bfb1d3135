"""What goes wrong in frameworks of this kind, and the test that would notice it here.

``file::test`` names a test below ``tests/``, ``op: case`` a case of the registry, on which all of
``functions/test_registry.py`` runs. A trap whose test is renamed or removed fails here.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

import registry

TESTS = Path(__file__).resolve().parent

GRADIENTS = {
    "second derivative of conv2d and deconv2d through the weight gradient": """
        functions/test_conv::test_second_derivative_of_conv2d_through_the_weight_gradient_is_made_of_convolutions
        functions/test_conv::test_second_derivative_of_deconv2d_through_the_weight_gradient_is_made_of_convolutions""",
    "batch_norm: mean and variance depend on x; test mode has a backward; 2-D, 3-D, 4-D": """
        functions/test_normalization::test_batch_norm_has_a_second_derivative_through_x_on_which_mean_and_variance_depend
        functions/test_normalization::test_batch_norm_goes_backward_in_test_mode
        batch_norm: (5,4) (4,) (4,) mean=float64(4,) var=float64(4,) training=True
        batch_norm: (3,4,3) (4,) (4,) mean=float64(4,) var=float64(4,) training=True
        batch_norm: (2,4,3,2) (4,) (4,) mean=float64(4,) var=float64(4,) training=True
        batch_norm: (2,4,3,2) (4,) (4,) mean=float64(4,) var=float64(4,) training=False""",
    "max pooling: padding is -inf, uneven sizes, overlaps, ties to one place, any order": """
        functions/test_pooling::test_padding_is_minus_infinity_never_zero
        functions/test_pooling::test_ties_go_to_the_first_of_the_window_row_by_row
        functions/test_pooling::test_second_derivative_of_max_pooling_follows_the_winners
        pooling: overlapping windows and pad
        pooling: two sizes
        pooling: ties""",
    "average pooling: height and width not swapped": """
        functions/test_pooling::test_average_pooling_does_not_swap_height_and_width
        average_pooling: two sizes""",
    "max, min: ties do not multiply the gradient; negative axes, tuples, np.int64": """
        functions/test_reduction::test_ties_share_the_gradient_evenly
        functions/test_reduction::test_negative_axes_tuples_and_numpy_integers_are_axes
        max: ties
        min: ties
        max: tuple axis=(-1, -3) keepdims=False""",
    "x ** c: zero gradient for c = 0, no NaN in higher derivatives at 0; integers; Variable exponent; 2 ** x": """
        functions/test_arithmetic::test_power_zero_has_gradient_zero_everywhere
        functions/test_arithmetic::test_the_third_derivative_of_the_square_is_zero_at_zero
        functions/test_arithmetic::test_an_integer_base_works
        functions/test_arithmetic::test_a_variable_exponent_has_no_nan_where_the_base_is_zero
        functions/test_arithmetic::test_a_number_to_the_power_of_a_variable_differentiates_three_times""",
    "get_item: slices, repeated indices, masks, ellipsis, newaxis, a Variable": """
        functions/test_indexing::test_an_element_picked_twice_gets_both_gradients
        functions/test_indexing::test_a_variable_is_an_index
        get_item: slices
        get_item: list with repeats
        get_item: mask
        get_item: ellipsis and newaxis""",
    "sum_to to a shape that does not fit raises; broadcast_to undoes it": """
        functions/test_reduction::test_what_does_not_fit_is_an_error
        functions/test_reduction::test_broadcast_to_and_sum_to_undo_each_other""",
    "expand_dims(x, -1) follows NumPy": """
        functions/test_shape::test_expand_dims_minus_one_puts_the_axis_last""",
    "matmul follows np.matmul, each gradient has its operand's shape; linear takes (..., in)": """
        functions/test_linalg::test_matmul_follows_numpy_and_each_gradient_has_its_operands_shape
        functions/test_linalg::test_linear_takes_any_leading_axes
        matmul: (2,1,3,4) (5,4,2)""",
    "clip with one bound": """
        functions/test_elementwise::test_clip_takes_one_bound_alone
        clip: (3,4) x_min=None x_max=0.8""",
    "dropout: ratio 1 is zeros, a ratio outside [0, 1] raises": """
        functions/test_dropout::test_ratio_one_is_zeros_and_ratio_zero_the_identity
        functions/test_dropout::test_a_ratio_outside_zero_to_one_is_an_error""",
    "softmax and log_softmax on any axis and of a vector": """
        functions/test_activation::test_softmax_of_a_vector_is_that_of_one_row
        softmax: (2,3,2) axis=-1
        softmax: (5,)
        log_softmax: (2,3,2) axis=-1""",
    "sigmoid_cross_entropy is finite at 1e4; binary_cross_entropy keeps a gradient where it is needed most": """
        functions/test_cross_entropy::test_sigmoid_cross_entropy_is_finite_at_ten_thousand_with_the_right_gradient
        functions/test_cross_entropy::test_binary_cross_entropy_keeps_a_gradient_where_the_model_is_most_wrong""",
    "softmax_cross_entropy: labels (N,) and (N, 1), any integers, ignore_index, out of range, N-D": """
        functions/test_cross_entropy::test_labels_may_have_any_integer_type
        functions/test_cross_entropy::test_a_label_out_of_range_is_an_error
        softmax_cross_entropy: (3,4) t=uint8(3,1)
        softmax_cross_entropy: (3,4) t=int64(3,) ignore_index=3
        softmax_cross_entropy: (2,3,2,2) t=int32(2,2,2)""",
    "mean_squared_error of (N, 1) against (N,) raises": """
        functions/test_loss::test_a_column_against_a_row_raises_instead_of_broadcasting""",
    "float32 stays float32, float16 and float32 do not meet silently": """
        functions/test_registry::test_dtype_is_kept
        functions/test_arithmetic::test_an_operator_with_a_number_keeps_the_dtype_on_either_side
        functions/test_arithmetic::test_float16_and_float32_do_not_meet_silently
        functions/test_linalg::test_float16_and_float32_do_not_meet_silently
        functions/test_loss::test_float16_and_float32_do_not_meet_silently
        layers/test_linear::test_the_dtype_of_the_input_is_that_of_weights_gradients_and_result
        optimizers/test_rules::test_the_rule_follows_its_formula_and_keeps_the_dtype""",
}

ENGINE = {
    "backward on a leaf; on a result of no_grad(); a graph picture of a leaf": """
        test_core::test_backward_on_a_leaf_sets_its_own_gradient
        test_core::test_backward_on_a_result_made_under_no_grad_says_so
        graph/test_dot::test_a_leaf_is_one_node""",
    "several outputs, some dropped or unused; None, too few, too many or wrongly shaped gradients": """
        test_core::test_an_output_that_was_dropped_or_never_used_counts_as_zero
        test_core::test_none_from_backward_means_no_gradient
        test_core::test_too_few_or_too_many_gradients_are_an_error
        test_core::test_a_gradient_of_the_wrong_shape_names_function_input_and_both_shapes""",
    "one Function instance used twice": """
        test_core::test_using_one_function_object_twice_keeps_both_gradients""",
    "retain_grad twice; stale gradients of intermediates": """
        test_core::test_retain_grad_twice_is_right
        test_core::test_stale_gradients_of_intermediates_never_leak_into_a_second_differentiation""",
    "gradients share no memory, are writable, are nobody's data": """
        test_core::test_gradients_of_two_inputs_never_share_memory_and_are_writable
        test_core::test_a_gradient_is_never_the_data_of_another_variable""",
    "cost linear in the number of nodes, deep and wide; no recursion, not in freeing either": """
        test_core::test_a_million_functions_deep_runs_backward_and_is_freed
        test_core::test_a_hundred_thousand_branches_wide_runs_backward_and_is_freed
        test_core::test_the_number_of_calls_grows_linearly_with_the_graph""",
    "no gradients for what nobody asked": """
        test_core::test_constants_get_no_gradient_and_cost_none
        test_core::test_frozen_parameters_and_detached_results_get_no_gradient
        layers/test_base::test_data_given_to_a_layer_gets_no_gradient
        functions/test_conv::test_the_data_of_the_first_layer_gets_no_gradient""",
    "the graph is freed by reference counting alone; saved arrays go with the walk": """
        test_core::test_a_graph_is_freed_by_reference_counting_alone
        test_core::test_memory_stays_flat_over_many_iterations_with_the_collector_off
        test_core::test_the_walk_lets_go_of_saved_arrays_as_it_passes""",
    "grad() touches no .grad; detach; requires_grad": """
        test_core::test_grad_returns_gradients_and_touches_no_grad
        test_core::test_frozen_parameters_and_detached_results_get_no_gradient""",
    "switches per thread, exception-safe, as decorators": """
        test_core::test_switches_come_back_after_an_exception
        test_core::test_switches_work_as_decorators_and_nest
        test_core::test_every_thread_has_its_own_switches""",
    "an in-place change that a later backward needs is found": """
        test_core::test_detect_inplace_finds_a_changed_input_and_output""",
    "float(v), bool(v), comparisons, abs, @, NumPy functions: work or raise": """
        test_core::test_float_int_bool_and_item_give_python_numbers
        test_core::test_comparisons_give_arrays_of_booleans
        test_core::test_a_numpy_function_on_a_variable_keeps_the_gradient
        test_core::test_a_numpy_function_without_a_counterpart_raises_instead_of_making_an_object_array""",
}

LAYERS = {
    "parameter order is creation order, in every process": """
        layers/test_base::test_parameter_order_is_creation_order
        layers/test_base::test_parameter_order_is_the_same_in_every_process""",
    "a parameter used twice counts once": """
        layers/test_base::test_a_parameter_used_twice_counts_once
        optimizers/test_base::test_a_shared_parameter_is_updated_once""",
    "lists, tuples, dicts register; None and del take out": """
        layers/test_base::test_lists_tuples_and_dicts_register_nested_too
        layers/test_base::test_none_takes_a_parameter_out_and_a_parameter_brings_it_back
        layers/test_base::test_deleting_an_attribute_takes_it_out""",
    "a subclass that forgot super().__init__()": """
        layers/test_base::test_a_subclass_that_forgot_super_init_gets_told_so""",
    "models pickle and deep-copy, after a forward pass too": """
        layers/test_base::test_models_pickle_and_deep_copy_after_a_forward_pass_too""",
    "any arguments, any result": """
        layers/test_base::test_a_layer_takes_arguments_of_any_type_and_returns_anything""",
    "RNN: in_size != hidden_size, a changed batch size, state detached or kept on purpose": """
        layers/test_recurrent::test_three_steps_match_the_formula_with_in_size_and_hidden_size_different
        layers/test_recurrent::test_a_changed_batch_size_is_refused_until_the_state_is_reset
        layers/test_recurrent::test_the_past_of_the_state_is_cut_on_purpose
        layers/test_recurrent::test_the_state_keeps_its_past_so_that_gradients_flow_through_time""",
    "running statistics are saved but not trained, decayed or counted for the norm": """
        layers/test_base::test_running_statistics_are_saved_with_the_weights_but_are_no_parameters
        optimizers/test_hooks::test_running_statistics_get_no_decay_and_do_not_count_for_the_norm""",
    "saving is atomic, takes the exact path, leaves the model on its GPU; what has no value says so": """
        test_serialization::test_an_interrupted_save_leaves_the_old_file_whole_and_nothing_else
        test_serialization::test_the_exact_path_is_used
        layers/test_base::test_saving_leaves_the_model_on_its_gpu
        layers/test_base::test_saving_what_has_no_value_yet_names_it""",
    "loading checks names, shapes, dtypes, reports every difference, unpickles nothing": """
        layers/test_base::test_loading_reports_every_difference_and_changes_nothing
        layers/test_base::test_a_weight_file_with_a_pickle_in_it_is_refused""",
    "optimizer state belongs to the parameter, saves and loads": """
        optimizers/test_base::test_state_belongs_to_the_parameter_and_not_to_its_id
        optimizers/test_base::test_training_goes_on_to_the_bit_after_saving_and_loading""",
    "hooks work on gradients nobody shares; FreezeParam freezes; parameters without gradients drop out after hooks": """
        optimizers/test_hooks::test_a_gradient_that_somebody_else_holds_is_left_alone
        optimizers/test_hooks::test_frozen_layers_and_parameters_stay_as_they_are
        optimizers/test_base::test_hooks_are_called_in_order_with_the_parameters_that_have_gradients""",
}

TRAPS = {**GRADIENTS, **ENGINE, **LAYERS}


@cache
def functions_in(file: str) -> set[str]:
    """The names of the tests in a file below this folder."""
    tree = ast.parse((TESTS / f"{file}.py").read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def exists(name: str) -> bool:
    """Whether there is such a test, or such a case in the registry."""
    if "::" in name:
        file, test = name.split("::")
        return test in functions_in(file)
    op, case = name.split(": ", 1)
    return any(row.op == op and case in row.names for row in registry.ROWS)


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_has_a_test_by_name(trap):
    names = [line.strip() for line in TRAPS[trap].strip().splitlines()]
    assert names
    assert [name for name in names if not exists(name)] == []
