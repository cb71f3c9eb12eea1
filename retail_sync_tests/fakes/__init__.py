"""Stand-ins for systems that cannot run here: stateful, and as strict as the documented original."""
