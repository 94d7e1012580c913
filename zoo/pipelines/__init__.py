"""Models composed: a pipeline's spec names a component for each of its roles.

Between stages flow the kinds of `zoo.io_types`, in Python: text and letters (A-Z, digits, blanks between words) as str,
glosses as a list of str, a pose as `pose_format.Pose`, an image as uint8 RGB (H, W, 3) or a stack of them, a video as
frames. A component is called by its `verb` with what it accepts, and with `fps` after a video; one whose `stream`
takes the same gives its video, or the glosses in one, piece by piece. One that turns letters into images gives one for
each letter of a text, (L, H, W, 3); if it has `classes`, it is asked for no others.
"""
