package org.netback.loop.libc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import org.junit.jupiter.api.Test;
import org.netback.loop.libc.LibC.ErrnoAdvice;

class ErrnoTest {
  private static final int NO_DESCRIPTOR = -1;

  @Test
  void everyNumberHasItsName() throws IllegalAccessException {
    int named = 0;
    for (Field field : Errno.class.getFields()) {
      if (Modifier.isStatic(field.getModifiers()) && field.getType() == int.class) {
        assertThat(Errno.name(field.getInt(null))).isEqualTo(field.getName());
        named++;
      }
    }
    assertThat(named).isGreaterThan(100);
    assertThat(Errno.name(4711)).isEqualTo("errno 4711");
  }

  @Test
  void aCallThatFailsIsNamedWithItsErrorAndWhatToDo() {
    assertThatThrownBy(
            () -> LibC.check(LibC.close(NO_DESCRIPTOR), "close vif1.0", ErrnoAdvice.NONE))
        .isInstanceOf(IOException.class)
        .hasMessage("close vif1.0: EBADF");
    assertThatThrownBy(
            () ->
                LibC.check(
                    LibC.close(NO_DESCRIPTOR),
                    "close vif1.0",
                    errno -> errno == Errno.EBADF ? "open it first" : ""))
        .hasMessage("close vif1.0: EBADF, open it first");
    int failed = LibC.close(NO_DESCRIPTOR);
    assertThat(failed).isEqualTo(-1);
    assertThat(Errno.last()).isEqualTo(Errno.EBADF);
  }

  @Test
  void theValueOfACallThatWorksIsHandedOn() throws IOException {
    assertThat(LibC.check(0, "none", ErrnoAdvice.NONE)).isZero();
    assertThat(LibC.check(7, "none", ErrnoAdvice.NONE)).isEqualTo(7);
  }
}
