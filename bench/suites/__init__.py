"""Other projects' test suites, run on m5data: ``python -m bench.suites --data FOLDER``.

One module a subject. Its functions above ``results`` call the product; those below read the cases, and know no name of
it.
"""
