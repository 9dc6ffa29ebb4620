"""cdktr-http: webhooks from outside become events. A client of the public protocol like any other,
and it owns nothing.
"""
