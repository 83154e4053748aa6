"""The parts of digit scenes: material, layout and rendering."""
