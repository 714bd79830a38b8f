"""A function that uses attrs, for `bisects.py`: all of its time is that of `attr.asdict`, which is called once."""

import attr

Wide = attr.make_class("Wide", [f"field_{number}" for number in range(100)])
WIDE = Wide(*range(100))


def make_dict():
    """Turn an instance into a dictionary."""
    return attr.asdict(WIDE)
