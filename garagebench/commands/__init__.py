"""One module a command or a family of them: parse, call, print, exit code.

What a command needs is imported when it runs, so that help costs next to nothing.
"""
