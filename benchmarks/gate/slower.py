"""A function of a user's file, of Python or C, that takes longer by a share of what it took, or that fails."""

import re

#: What is added to the end of the function's file. It takes longer by a share of what it took, however fast the host is.
SLOWED = """

def _slow_down(function):
    import functools
    from time import perf_counter_ns as clock

    @functools.wraps(function)
    def slowed(*args, **kwargs):
        begin = clock()
        answer = function(*args, **kwargs)
        end = clock()
        end += int((end - begin) * {share})
        while clock() < end:
            pass
        return answer

    return slowed


{name} = _slow_down({name})
"""

#: The same, to find out who calls it. Not while pytest collects or sets up: it may use the function itself.
FAILING = """

def _fail(function):
    import functools, os, sys

    @functools.wraps(function)
    def failing(*args, **kwargs):
        if "pytest" not in sys.modules or os.environ.get("PYTEST_CURRENT_TEST", "").endswith("(call)"):
            raise RuntimeError("it was called")
        return function(*args, **kwargs)

    return failing


{name} = _fail({name})
"""

#: A definition in C, as CPython's own are written: the type on a line of its own.
DEFINITION = r"^static (?P<type>[\w ]+\*?)\n{name}\((?P<parameters>[^)]*)\)\n(?=\{{)"

SLOWED_C = """
#include <time.h>
static {type} {name}_as_it_was({parameters});

static {type}
{name}({parameters})
{{
    struct timespec begin, end, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    {type} answer = {name}_as_it_was({names});
    clock_gettime(CLOCK_MONOTONIC, &end);
    double left = {share} * ((end.tv_sec - begin.tv_sec) * 1e9 + (end.tv_nsec - begin.tv_nsec));
    do {{
        clock_gettime(CLOCK_MONOTONIC, &now);
    }} while ((now.tv_sec - end.tv_sec) * 1e9 + (now.tv_nsec - end.tv_nsec) < left);
    return answer;
}}

static {type}
{name}_as_it_was({parameters})
"""

FAILING_C = """
static {type}
{name}({parameters})
{{
    PyErr_SetString(PyExc_RuntimeError, "it was called");
    return {nothing};
}}

__attribute__((unused)) static {type}
{name}_as_it_was({parameters})
"""


def slow_down(repository, function, share):
    """Let the function, FILE:NAME, take longer by a share."""
    _change(repository, function, SLOWED, SLOWED_C, share=share)


def let_fail(repository, function):
    """Let the function, FILE:NAME, fail."""
    _change(repository, function, FAILING, FAILING_C)


def _change(repository, function, text, text_c, **fields):
    path, _, name = function.partition(":")
    file = repository / path
    source = file.read_text(encoding="utf-8")
    if path.endswith(".py"):
        file.write_text(source + text.format(name=name, **fields), encoding="utf-8")
        return
    found = re.search(DEFINITION.format(name=name), source, re.MULTILINE)
    if found is None:
        raise SystemExit(f"{path} has no definition of {name}")
    names = [re.findall(r"\w+", one)[-1] for one in found["parameters"].split(",")]
    new = text_c.format(
        name=name,
        type=found["type"].strip(),
        parameters=found["parameters"],
        names=", ".join(names),
        nothing="NULL" if "*" in found["type"] else "-1",
        **fields,
    )
    file.write_text(source[: found.start()] + new + source[found.end() :], encoding="utf-8")
