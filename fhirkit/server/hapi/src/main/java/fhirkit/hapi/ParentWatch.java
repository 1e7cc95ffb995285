package fhirkit.hapi;

import java.util.concurrent.atomic.AtomicReference;

/**
 * Ends this process when the one that started it is gone, so that a start which is killed, however
 * hard, leaves nothing behind.
 */
final class ParentWatch {

  private static final int PARENT_GONE = 97;

  private enum Phase { STARTING, ATTACHED, RELEASED }

  private final AtomicReference<Phase> phase = new AtomicReference<>(Phase.STARTING);

  private ParentWatch() {}

  static ParentWatch follow(long parent) {
    ParentWatch watch = new ParentWatch();
    ProcessHandle.of(parent).ifPresentOrElse(
        handle -> handle.onExit().thenRun(watch::parentEnded), watch::parentEnded);
    return watch;
  }

  /** The start is over: from now on an attached process ends gently, another lives on. */
  void started(boolean attached) {
    phase.set(attached ? Phase.ATTACHED : Phase.RELEASED);
  }

  private void parentEnded() {
    switch (phase.get()) {
      // A half-started server has nothing to close, and its shutdown could wait for its start.
      case STARTING -> Runtime.getRuntime().halt(PARENT_GONE);
      case ATTACHED -> System.exit(PARENT_GONE);
      case RELEASED -> { }
    }
  }
}
