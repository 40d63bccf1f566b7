"""Take-downs: register, search, plan, journal and receipt.

Each room removes its own data through its module ``takedown`` (see ``takedown.plan.TakedownHook``).
"""
