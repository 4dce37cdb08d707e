"""What is excused, for how long, and what follows: waivers, exceptions, gates, reviews. Pure; days and clocks are given."""
