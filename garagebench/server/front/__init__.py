"""Several servers on one garage, behind an nginx.

    nginx.py     its configuration, written in a temporary directory, and its process
    replicas.py  the servers: forks of this process, each with a connection to the garage in shared memory
    ledger.py    their books, in shared memory, too: so none is lost with its server
    serving.py   the whole of it: start, watch, shut down gracefully

A server that dies ends all the others. It could be replaced, but what it had told its clients last nobody knows, so
the books would be in doubt from then on; and a service manager restarts a whole as easily as a part.
"""
