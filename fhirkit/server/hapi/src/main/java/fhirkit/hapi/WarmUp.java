package fhirkit.hapi;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The first requests, made by the server itself: the proof that it answers, and warm caches. */
final class WarmUp {

  private static final Logger LOG = LoggerFactory.getLogger(WarmUp.class);
  private static final String JSON = "application/fhir+json";

  // An Observation, because its elements pull in most of the data types and value sets.
  private static final String SAMPLE = """
      {"resourceType": "Observation", "status": "final",
       "category": [{"coding": [{"code": "vital-signs",
         "system": "http://terminology.hl7.org/CodeSystem/observation-category"}]}],
       "code": {"coding": [{"system": "http://loinc.org", "code": "8310-5"}]},
       "subject": {"display": "warm-up"}, "effectiveDateTime": "2000-01-01T12:00:00Z",
       "valueQuantity": {"value": 36.6, "unit": "Cel", "code": "Cel",
         "system": "http://unitsofmeasure.org"}}
      """;

  private final HttpClient client = HttpClient.newHttpClient();
  private final String baseUrl;

  WarmUp(String baseUrl) {
    this.baseUrl = baseUrl;
  }

  /** Asks for the capability statement and fails unless it comes. */
  void firstAnswer(Duration deadline) throws IOException, InterruptedException {
    HttpRequest request = HttpRequest.newBuilder(URI.create(baseUrl + "/metadata"))
        .timeout(deadline).header("Accept", JSON).build();
    HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
    if (answer.statusCode() != 200 || !answer.body().contains("CapabilityStatement")) {
      throw new IOException("the capability statement was answered with " + answer.statusCode());
    }
  }

  /** Loads the validator's definitions while the first users already work. */
  void validatorInBackground() {
    HttpRequest request = HttpRequest.newBuilder(URI.create(baseUrl + "/Observation/$validate"))
        .timeout(Duration.ofMinutes(5)).header("Content-Type", JSON)
        .POST(HttpRequest.BodyPublishers.ofString(SAMPLE)).build();
    client.sendAsync(request, HttpResponse.BodyHandlers.discarding())
        .whenComplete((answer, problem) -> {
          if (problem != null) {
            LOG.warn("the validator's warm-up failed: {}", problem.toString());
          } else {
            LOG.info("the validator is warm ({})", answer.statusCode());
          }
        });
  }
}
