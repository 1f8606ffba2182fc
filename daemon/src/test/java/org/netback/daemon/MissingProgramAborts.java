package org.netback.daemon;

import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.LifecycleMethodExecutionExceptionHandler;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;
import org.opentest4j.TestAbortedException;

/// A test whose program is not installed is aborted, with the reason, wherever it wanted to run it.
/// JUnit finds this class by itself, as a service.
public final class MissingProgramAborts
    implements TestExecutionExceptionHandler, LifecycleMethodExecutionExceptionHandler {
  @Override
  public void handleTestExecutionException(ExtensionContext context, Throwable thrown)
      throws Throwable {
    rethrow(thrown);
  }

  @Override
  public void handleBeforeAllMethodExecutionException(ExtensionContext context, Throwable thrown)
      throws Throwable {
    rethrow(thrown);
  }

  @Override
  public void handleBeforeEachMethodExecutionException(ExtensionContext context, Throwable thrown)
      throws Throwable {
    rethrow(thrown);
  }

  private static void rethrow(Throwable thrown) throws Throwable {
    if (thrown instanceof MissingProgram missing) {
      throw new TestAbortedException(missing.getMessage(), missing);
    }
    throw thrown;
  }
}
