"""Runner for MicroPython: imports the test modules named as arguments and calls every function named test_*.

    micropython tests/micropython/run.py tests.protocol.test_vectors_shared ...

Prints each failure with its traceback and a line of counts; ends with 1 if anything failed or nothing was there to run.
Shared tests are plain functions with `assert` and without arguments; they import nothing that MicroPython lacks.
"""

import sys

# In place of this file's own folder, which would hide modules behind tests of the same name.
sys.path[0] = __file__.rsplit("/", 3)[0] if __file__.count("/") > 2 else "."


def run_module(name: str) -> tuple[int, int]:
    """(passed, failed) of one module."""
    passed = failed = 0
    module = __import__(name, None, None, ["*"])
    for test in sorted(dir(module)):
        if not test.startswith("test_"):
            continue
        try:
            getattr(module, test)()
            passed += 1
        except Exception as error:
            failed += 1
            print("FAILED", name, test)
            sys.print_exception(error)  # type: ignore[attr-defined]
    return passed, failed


def main(names: list[str]) -> int:
    """The exit status."""
    passed = failed = 0
    for name in names:
        counts = run_module(name)
        passed += counts[0]
        failed += counts[1]
    print("%d passed, %d failed" % (passed, failed))
    return 0 if passed and not failed else 1


sys.exit(main(sys.argv[1:]))
