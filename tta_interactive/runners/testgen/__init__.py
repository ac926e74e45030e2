"""Verified test generation: write tests, run them, keep what holds, measure what it reaches.

    module.py   find the module                     backend.py  who writes tests (native.py, pynguin.py)
    scratch.py  copy its project                    split.py    a file of tests -> single tests
    probe.py    import it once, alone               verify.py   run each three times, keep what holds
    naming.py   what `import` calls a file          interpreter.py  whose Python, and what it lacks
    existing.py, extend.py  add to a file of tests that is there
    session.py  one pytest process                  sheet.py    what it reported, and whether to believe
    steps.py    every child process, contained      measure.py  branch coverage of the module
    write.py    put the file where it belongs       final.py    once more, where it will live
    mutants.py  small changes of the module         mutation.py which of them the kept tests notice
    cache.py    the same question, the same answer  report.py   what is told
    worth.py    drop what adds nothing
    job.py      what one run knows                  rounds.py   ask, check, measure, ask again
    placing.py  the file in the real tree           pipeline.py the order of all this

This package is trusted code and never imports the module under test. What must live next to
hostile code is in `inside/`: standard library only, copied to scratch, run in the sandbox,
and believed only as far as its report can be checked from here.
"""
