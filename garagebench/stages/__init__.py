"""The steps of a request, one module a stage, holding its variants.

A variant is a factory, called once with the layout, that returns the function of the step.
"""
