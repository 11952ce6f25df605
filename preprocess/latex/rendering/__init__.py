"""What the commands and environments of a topic print: functions of `Renderer`, in tables by name."""
