"""TLS by Python's library, in front of a HAProxy whose own is out of support.

`relay` is the process that terminates it; `front` starts that and tells it what to serve; `library` judges libraries.
"""
