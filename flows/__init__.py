"""The room ``flows``: runs stages, alone or in Prefect flows, and their tasks on a Ray cluster."""
