package org.netback.daemon;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.Appender;
import ch.qos.logback.core.AppenderBase;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.slf4j.LoggerFactory;

/// Keeps what is logged, in place of its appearing in the test's output.
public final class LogCapture implements AutoCloseable {
  private final Logger root = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
  private final List<ILoggingEvent> events = new CopyOnWriteArrayList<>();
  private final List<Appender<ILoggingEvent>> before = new ArrayList<>();
  private final AppenderBase<ILoggingEvent> appender =
      new AppenderBase<>() {
        @Override
        protected void append(ILoggingEvent event) {
          events.add(event);
        }
      };

  private LogCapture() {}

  public static LogCapture start() {
    LogCapture capture = new LogCapture();
    Iterator<Appender<ILoggingEvent>> appenders = capture.root.iteratorForAppenders();
    appenders.forEachRemaining(capture.before::add);
    capture.before.forEach(capture.root::detachAppender);
    capture.appender.start();
    capture.root.addAppender(capture.appender);
    return capture;
  }

  public List<ILoggingEvent> events() {
    return events;
  }

  /// Level and message of the events whose message has this part.
  public List<String> lines(String part) {
    return events.stream()
        .map(event -> event.getLevel() + " " + event.getFormattedMessage())
        .filter(line -> line.contains(part))
        .toList();
  }

  @Override
  public void close() {
    root.detachAppender(appender);
    before.forEach(root::addAppender);
  }
}
