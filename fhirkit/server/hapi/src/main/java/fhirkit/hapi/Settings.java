package fhirkit.hapi;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What the starting program asks for.
 *
 * @param port     the port on the loopback address
 * @param database folder of the database, or empty for one in memory
 * @param ready    file to write once requests are answered
 * @param parent   process to follow into its end while starting, or always when {@code attached}
 * @param attached whether this process must not outlive its parent
 */
record Settings(int port, Optional<Path> database, Path ready, long parent, boolean attached) {

  static final String HOST = "127.0.0.1";
  static final String PATH = "/fhir";

  /** Reads {@code --name=value} arguments; an unknown or missing one is an error. */
  static Settings parse(String[] arguments) {
    Map<String, String> values = new HashMap<>();
    for (String argument : arguments) {
      int equals = argument.indexOf('=');
      if (!argument.startsWith("--") || equals < 0) {
        throw new IllegalArgumentException("expected --name=value, got " + argument);
      }
      values.put(argument.substring(2, equals), argument.substring(equals + 1));
    }
    String database = values.getOrDefault("database", "");
    Settings settings = new Settings(
        Integer.parseInt(take(values, "port")),
        database.isEmpty() ? Optional.empty() : Optional.of(Path.of(database).toAbsolutePath()),
        Path.of(take(values, "ready")).toAbsolutePath(),
        Long.parseLong(take(values, "parent")),
        Boolean.parseBoolean(take(values, "attached")));
    values.remove("database");
    if (!values.isEmpty()) {
      throw new IllegalArgumentException("unknown arguments " + values.keySet());
    }
    return settings;
  }

  private static String take(Map<String, String> values, String name) {
    String value = values.remove(name);
    if (value == null) {
      throw new IllegalArgumentException("missing --" + name + "=");
    }
    return value;
  }

  /** The FHIR base URL, without a slash at its end. */
  String baseUrl() {
    return "http://" + HOST + ":" + port + PATH;
  }

  /** The same server under its other name, so that references in either spelling are local. */
  String localhostUrl() {
    return "http://localhost:" + port + PATH;
  }
}
