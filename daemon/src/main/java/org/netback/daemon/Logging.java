package org.netback.daemon;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.spi.ContextAwareBase;
import org.slf4j.bridge.SLF4JBridgeHandler;

/// One line per event on stderr, from INFO up, whichever way a library logs. In code and not in
/// XML, whose parser would cost a third of the start-up time; found by Logback as a service.
public final class Logging extends ContextAwareBase implements Configurator {
  @Override
  public ExecutionStatus configure(LoggerContext context) {
    PatternLayoutEncoder encoder = new PatternLayoutEncoder();
    encoder.setContext(context);
    encoder.setPattern("%d{HH:mm:ss.SSS} %-5level %logger{0}: %msg%n");
    encoder.start();
    ConsoleAppender<ILoggingEvent> appender = new ConsoleAppender<>();
    appender.setContext(context);
    appender.setTarget("System.err");
    appender.setEncoder(encoder);
    appender.start();
    context.getLogger("ROOT").setLevel(Level.INFO);
    context.getLogger("ROOT").addAppender(appender);
    // Netty warns, with a stack trace, where a namespace has no interface with an address, as a new
    // guest's has none. It wants the interfaces to guess the address of localhost, to which nothing
    // here connects,
    context.getLogger("io.netty.util.NetUtilInitializations").setLevel(Level.ERROR);
    // and a hardware address to name its channels by; random octets name them as well.
    context.getLogger("io.netty.util.internal.MacAddressUtil").setLevel(Level.ERROR);
    // Pcap4J tells of every filter that it has compiled.
    context.getLogger("org.pcap4j").setLevel(Level.WARN);
    // The platform's own loggers come by a service of SLF4J's, those of java.util.logging by this.
    SLF4JBridgeHandler.removeHandlersForRootLogger();
    SLF4JBridgeHandler.install();
    return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
  }
}
