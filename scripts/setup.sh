#!/bin/sh
# Makes .venv and installs the package in it with the extras named. Does nothing where that is already done.
#
#     sh scripts/setup.sh demo,test
#
# PYTHON  the interpreter to use (default: the first of python3, python3.14 ... python3.10 that fits)
# VENV    where the environment goes (default: .venv)
# NUMPY   a NumPy version to hold to, such as 1.26.* (default: the newest)
#
# A missing system part (the venv module, dot) is installed with apt-get where this may be done without a
# password; otherwise the one command that installs it is printed.

set -eu
CDPATH='' cd -- "$(dirname -- "$0")/.."

extras=${1:-demo}
venv=${VENV:-.venv}
stamp=$venv/.installed
key="$(cksum <pyproject.toml) ${NUMPY:-} $(pwd -P)"
oldest=3.10

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "setup: $*"
    exit 1
}

# --- is everything here already? ------------------------------------------------------------------------

# The stamp holds the key on its first line and the extras that were installed under it on its second.
done_before=
if [ -f "$stamp" ] && [ "$(sed -n 1p "$stamp")" = "$key" ]; then
    done_before=$(sed -n 2p "$stamp")
fi

all_done() {
    for extra in $(printf %s "$extras" | tr , ' '); do
        case ",$done_before," in
        *",$extra,"*) ;;
        *) return 1 ;;
        esac
    done
    is_sound "$venv" && fits_wish "$venv/bin/python"
}

# --- Python ---------------------------------------------------------------------------------------------

# Whether $1 is a Python that is new enough; and whether it can also make an environment with pip in it.
is_python() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; }
makes_venv() { is_python "$1" && "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }
version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

# Whether $1 is of the version that PYTHON asks for, if it asks.
fits_wish() { [ -z "${PYTHON:-}" ] || { is_python "$PYTHON" && [ "$(version_of "$PYTHON")" = "$(version_of "$1")" ]; }; }

# Sets $python: one that makes environments if there is one, else any that is new enough, else nothing.
find_python() {
    python=
    for candidate in ${PYTHON:+"$PYTHON"} $([ "${PYTHON:-}" ] || echo python3 python3.14 python3.13 python3.12 python3.11 python3.10); do
        if makes_venv "$candidate"; then
            python=$candidate
            return
        fi
        if [ -z "$python" ] && is_python "$candidate"; then
            python=$candidate
        fi
    done
}

# --- system packages ------------------------------------------------------------------------------------

# Sets $as_root to what lets apt-get run without a password, or fails where nothing does.
may_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    as_root=
    [ "$(id -u)" -eq 0 ] && return
    as_root='sudo -n'
    sudo -n true 2>/dev/null
}

install() {
    say "setup: installing $* with apt-get"
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >/dev/null 2>&1 ||
        { $as_root apt-get update >/dev/null 2>&1 &&
            $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >/dev/null; }
}

# The command that installs packages, for a person to type.
install_command() {
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "(with your system's package manager) $*"
    elif command -v sudo >/dev/null 2>&1; then
        echo "sudo apt-get install -y $*"
    elif [ "$(id -u)" -eq 0 ]; then
        echo "apt-get install -y $*"
    else
        echo "su -c 'apt-get install -y $*'"
    fi
}

need_python() {
    find_python
    if [ -z "$python" ] && [ -z "${PYTHON:-}" ] && may_install && install python3 python3-venv; then
        find_python
    fi
    if [ -z "$python" ] && [ "${PYTHON:-}" ]; then
        fail "PYTHON=$PYTHON is no Python $oldest or newer."
    elif [ -z "$python" ]; then
        say "setup: no Python $oldest or newer was found. Install it with"
        say "    $(install_command python3 python3-venv $(missing_dot))"
        fail "or name one that lies elsewhere: make PYTHON=/path/to/python3 ..."
    fi
    makes_venv "$python" && return
    package=python$(version_of "$python")-venv
    if may_install && install "$package" && makes_venv "$python"; then
        return
    fi
    say "setup: $python cannot make an environment, its venv module is missing. Install it with"
    say "    $(install_command "$package" $(missing_dot))"
    fail "and run this again."
}

# The package with the program dot, where that is missing. Pictures of graphs need it, nothing else does.
missing_dot() { command -v dot >/dev/null 2>&1 || echo graphviz; }

want_dot() {
    [ "$(missing_dot)" ] || return 0
    may_install && install graphviz && return
    say "setup: the program dot is missing, so no pictures of graphs will be drawn. To get them, install it with"
    say "    $(install_command graphviz)"
}

# --- the environment ------------------------------------------------------------------------------------

# Whether $1 is an environment that was made to its end.
is_sound() { is_python "$1/bin/python" && "$1/bin/python" -c 'import importlib.util as u, sys; sys.exit(not u.find_spec("pip"))'; }

make_venv() {
    if is_sound "$venv" && fits_wish "$venv/bin/python"; then
        return
    fi
    need_python
    say "setup: making $venv with $python ($(version_of "$python"))"
    "$python" -m venv --clear "$venv" || fail "$python -m venv failed."
    done_before=
}

install_package() {
    say "setup: installing dezero[$extras] into $venv (the first time takes a minute or two)"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --editable ".[$extras]" ${NUMPY:+"numpy==$NUMPY"} ||
        fail "pip could not install dezero[$extras]; its words are above. Is there a network? Then run this again."
    printf '%s\n%s\n' "$key" "${done_before:+$done_before,}$extras" >"$stamp"
}

if ! all_done; then
    make_venv
    case ",$extras," in
    *,demo,* | *,graph,* | *,test,* | *,all,*) want_dot ;;
    esac
    install_package
fi
