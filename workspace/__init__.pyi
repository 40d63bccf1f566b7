from .workspace import SETTINGS_FILE, Workspace, default_settings

__all__ = ["SETTINGS_FILE", "Workspace", "default_settings"]
