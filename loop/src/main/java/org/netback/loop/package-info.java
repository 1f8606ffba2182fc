/// The threads that everything runs on, as their users see them: tasks, timers, lingering, and what
/// becomes of exceptions.
@NullMarked
package org.netback.loop;

import org.jspecify.annotations.NullMarked;
