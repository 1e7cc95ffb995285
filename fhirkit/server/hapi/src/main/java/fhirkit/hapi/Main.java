package fhirkit.hapi;

import java.io.IOException;
import java.net.BindException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.web.context.support.AnnotationConfigWebApplicationContext;

/** Starts the server, says so in the ready file, and stops it on SIGTERM. */
public final class Main {

  /** Exit code for "the port is taken"; the starting program knows it. */
  static final int PORT_TAKEN = 98;

  private static final Logger LOG = LoggerFactory.getLogger(Main.class);
  private static final int REQUEST_HEADER_BYTES = 64 * 1024;

  private Main() {}

  public static void main(String[] arguments) {
    try {
      run(Settings.parse(arguments));
    } catch (BindException problem) {
      LOG.error("port is taken: {}", problem.getMessage());
      System.exit(PORT_TAKEN);
    } catch (Throwable problem) {
      LOG.error("the server did not start", problem);
      System.exit(1);
    }
  }

  private static void run(Settings settings) throws Exception {
    ParentWatch watch = ParentWatch.follow(settings.parent());
    Server server = new Server(new QueuedThreadPool(50));
    // Bound before the slow part, so that a taken port is known at once and nobody else gets it.
    ServerConnector connector = openConnector(server, settings);

    AnnotationConfigWebApplicationContext context = new AnnotationConfigWebApplicationContext();
    ServletContextHandler handler = new ServletContextHandler();
    handler.setContextPath("/");
    handler.addServlet(
        new ServletHolder(new FhirServlet(context, settings)), Settings.PATH + "/*");
    server.setHandler(handler);
    server.setStopAtShutdown(false);

    context.setServletContext(handler.getServletContext());
    context.addBeanFactoryPostProcessor(
        factory -> factory.registerSingleton("settings", settings));
    context.register(HapiConfiguration.class);
    LOG.info("starting on {}, database {}", settings.baseUrl(),
        settings.database().map(Path::toString).orElse("in memory"));
    context.refresh();
    server.start();

    WarmUp warmUp = new WarmUp(settings.baseUrl());
    warmUp.firstAnswer(Duration.ofMinutes(2));
    Runtime.getRuntime().addShutdownHook(
        new Thread(() -> stop(server, connector, context), "stop"));
    // Before the announcement: whoever reads it may end at once.
    watch.started(settings.attached());
    announce(settings);
    LOG.info("ready on {}", settings.baseUrl());
    warmUp.validatorInBackground();
    server.join();
  }

  private static ServerConnector openConnector(Server server, Settings settings)
      throws IOException {
    HttpConfiguration http = new HttpConfiguration();
    http.setSendServerVersion(false);
    http.setRequestHeaderSize(REQUEST_HEADER_BYTES);
    ServerConnector connector = new ServerConnector(server, 1, 1, new HttpConnectionFactory(http));
    connector.setHost(Settings.HOST);
    connector.setPort(settings.port());
    try {
      connector.open();
    } catch (IOException problem) {
      // Jetty wraps the cause; the caller tells a taken port from everything else by its type.
      for (Throwable cause = problem; cause != null; cause = cause.getCause()) {
        if (cause instanceof BindException bind) {
          throw bind;
        }
      }
      throw problem;
    }
    server.addConnector(connector);
    return connector;
  }

  /** Writes the base URL under another name first: a reader never sees half of it. */
  private static void announce(Settings settings) throws IOException {
    Path unfinished = settings.ready().resolveSibling(settings.ready().getFileName() + ".part");
    Files.writeString(unfinished, settings.baseUrl());
    Files.move(unfinished, settings.ready(), StandardCopyOption.ATOMIC_MOVE);
  }

  private static void stop(
      Server server, ServerConnector connector, AnnotationConfigWebApplicationContext context) {
    try {
      connector.close();
      server.stop();
      context.close();
    } catch (Exception problem) {
      LOG.warn("while stopping", problem);
    }
  }
}
