"""The room of take-downs: the register, the search, the plan, the journal and the receipt.

Each room removes its own through its module ``takedown`` (see ``takedown.plan.TakedownHook``).
"""
