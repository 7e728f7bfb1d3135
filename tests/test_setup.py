"""scripts/setup.sh says what to do where a part of the system is missing, and does nothing twice."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOOLS = "sh dirname cksum sed tr cat mkdir rm env id true chmod".split()

pytestmark = pytest.mark.skipif(shutil.which("sh") is None, reason="the set-up is a shell script, and there is no sh")

# Stands for a Python: says its version, has the modules listed in PARTS, and "installs" by writing a line.
PYTHON = """#!/bin/sh
case "$*" in
    *version_info\\ \\<*) exit ${OLD:-0} ;;
    *ensurepip*) case "${PARTS:-venv}" in *venv*) exit 0 ;; *) exit 1 ;; esac ;;
    *%d.%d*) echo 3.12 ;;
    *find_spec*) exit 0 ;;
    "-m venv --clear "*)
        mkdir -p "$4/bin" && rm -f "$4/bin/python"
        cat "$0" >"$4/bin/python" && chmod +x "$4/bin/python"
        ;;
    "-m pip install "*) echo "$*" >>"$PIP_LOG"; exit ${PIP_FAILS:-0} ;;
    *) echo "what is $*?" >&2; exit 9 ;;
esac
"""


@pytest.fixture
def machine(tmp_path):
    """A small machine: a clone in a path with spaces, and only the programs that ``tools`` names."""

    class Machine:
        clone = tmp_path / "a clone with spaces"
        programs = tmp_path / "programs"
        pip_log = tmp_path / "pip.txt"

        def add(self, name: str, text: str) -> None:
            (self.programs / name).write_text(text, encoding="utf-8")
            (self.programs / name).chmod(0o755)

        def set_up(self, extras: str = "demo", **environment: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                ["sh", "scripts/setup.sh", extras],
                cwd=self.clone,
                env={"PATH": str(self.programs), "PIP_LOG": str(self.pip_log)} | environment,
                capture_output=True,
                text=True,
                check=False,
            )

        def installed(self) -> list[str]:
            return self.pip_log.read_text(encoding="utf-8").splitlines() if self.pip_log.exists() else []

    machine = Machine()
    machine.programs.mkdir()
    (machine.clone / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "setup.sh", machine.clone / "scripts")
    shutil.copy(ROOT / "pyproject.toml", machine.clone)
    for tool in TOOLS:  # no links: a test that replaces a program would write through them
        machine.add(tool, f'#!/bin/sh\nexec {shutil.which(tool)} "$@"\n')
    machine.add("python3", PYTHON)
    machine.add("dot", "#!/bin/sh\n")
    return machine


def test_it_makes_the_environment_and_installs_the_extras(machine):
    done = machine.set_up("demo,test")
    assert done.returncode == 0, done.stderr
    assert (machine.clone / ".venv/bin/python").exists()
    assert machine.installed() == ["-m pip install --quiet --disable-pip-version-check --editable .[demo,test]"]


def test_the_second_time_it_does_nothing(machine):
    machine.set_up("demo,test")
    for extras in ("demo,test", "demo", "test"):
        done = machine.set_up(extras)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(machine.installed()) == 1


def test_it_installs_again_for_another_extra_and_for_another_pyproject(machine):
    machine.set_up("demo")
    machine.set_up("oracle")
    machine.set_up("demo")
    assert len(machine.installed()) == 2
    with (machine.clone / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    machine.set_up("demo")
    assert len(machine.installed()) == 3


def test_a_clone_that_was_moved_is_installed_again(machine):
    machine.set_up()
    machine.clone = machine.clone.rename(machine.clone.with_name("moved"))
    assert machine.set_up().returncode == 0
    assert len(machine.installed()) == 2


def test_a_half_made_environment_is_made_anew(machine):
    (machine.clone / ".venv/bin").mkdir(parents=True)
    (machine.clone / ".venv/bin/python").symlink_to("/nowhere/python3")
    assert machine.set_up().returncode == 0
    assert len(machine.installed()) == 1


def test_numpy_can_be_held_to_a_version(machine):
    machine.set_up("test", NUMPY="1.26.*", VENV=".venv-numpy1")
    assert machine.installed()[0].endswith("--editable .[test] numpy==1.26.*")
    assert (machine.clone / ".venv-numpy1").is_dir()


def test_without_python_it_says_what_to_install(machine):
    (machine.programs / "python3").unlink()
    done = machine.set_up()
    assert done.returncode == 1
    assert "no Python 3.10 or newer was found" in done.stderr


def test_an_old_python_is_passed_over_for_a_newer_one(machine):
    machine.add("python3", "#!/bin/sh\nexit 1\n")
    machine.add("python3.12", PYTHON)
    done = machine.set_up()
    assert done.returncode == 0
    assert "with python3.12 (3.12)" in done.stderr


def test_a_python_named_that_does_not_fit_is_an_error(machine):
    done = machine.set_up(PYTHON="/nowhere/python3")
    assert done.returncode == 1
    assert "PYTHON=/nowhere/python3 is no Python 3.10 or newer" in done.stderr
    assert not (machine.clone / ".venv").exists()


def test_a_missing_venv_module_is_named_with_the_command_that_brings_it(machine):
    machine.add("apt-get", "#!/bin/sh\nexit 1\n")
    machine.add("sudo", "#!/bin/sh\nexit 1\n")
    done = machine.set_up(PARTS="none")
    assert done.returncode == 1
    assert "its venv module is missing" in done.stderr
    assert "sudo apt-get install -y python3.12-venv" in done.stderr
    assert machine.installed() == []


def test_a_missing_venv_module_is_installed_where_that_needs_no_password(machine):
    here = machine.programs / "installed"
    machine.add("id", "#!/bin/sh\necho 1000\n")
    machine.add("sudo", '#!/bin/sh\nshift\nexec "$@"\n')
    machine.add("apt-get", f'#!/bin/sh\necho venv >"{here}"\n')
    machine.add("python3", PYTHON.replace("${PARTS:-venv}", f'$(cat "{here}" 2>/dev/null)'))
    done = machine.set_up()
    assert done.returncode == 0, done.stderr
    assert "installing python3.12-venv with apt-get" in done.stderr


def test_without_dot_it_warns_and_goes_on(machine):
    (machine.programs / "dot").unlink()
    done = machine.set_up()
    assert done.returncode == 0
    assert "the program dot is missing, so no pictures of graphs will be drawn" in done.stderr
    assert len(machine.installed()) == 1


def test_a_failed_download_is_an_error_and_is_tried_again(machine):
    done = machine.set_up(PIP_FAILS="1")
    assert done.returncode == 1
    assert "pip could not install dezero[demo]" in done.stderr
    assert "Is there a network?" in done.stderr
    assert machine.set_up().returncode == 0
    assert len(machine.installed()) == 2
