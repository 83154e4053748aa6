"""The parts that digit scenes are made of: material, layout and rendering."""
