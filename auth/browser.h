/*
 * The person's web browser: $BROWSER, else what the desktop has (xdg-open;
 * macOS: open).
 */
#ifndef AUTH_BROWSER_H
#define AUTH_BROWSER_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Would a browser that we open be seen by the person at the terminal: a desktop
 * (DISPLAY or WAYLAND_DISPLAY; macOS always has one), not over SSH, and a
 * program on PATH to open it with?
 */
bool	 browser_is_there(void);

/*
 * Opens url, without a shell.  $BROWSER is a program and perhaps arguments,
 * divided by blanks; %s stands for the URL, which else comes last.
 * Returns the process id of what was started (child_failed); -1: nothing was.
 */
pid_t	 browser_open(const char *url);

#endif
