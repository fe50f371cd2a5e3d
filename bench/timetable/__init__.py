"""What a timetable costs to make, and what it saves jobs beside the fixed order."""
