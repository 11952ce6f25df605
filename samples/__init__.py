"""The sample dump: papers written for this project in the shapes that arXiv has, and the script that packs them as arXiv does."""
