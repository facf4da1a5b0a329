// Presses the one button of a page that only leads on; without scripts the person presses it.
document.getElementById("hand-over").submit();
