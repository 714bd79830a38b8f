"""A page on which a browser sees the garage live, and parks and unparks by click. On Tornado, without nginx."""
