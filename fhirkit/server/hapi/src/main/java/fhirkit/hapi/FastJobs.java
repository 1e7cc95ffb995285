package fhirkit.hapi;

import ca.uhn.fhir.batch2.maintenance.JobMaintenanceServiceImpl;
import java.time.Duration;
import org.springframework.beans.factory.config.BeanPostProcessor;

/** Lets the maintenance of batch jobs run every second, so that an export ends in seconds. */
public class FastJobs implements BeanPostProcessor {

  private static final long EVERY = Duration.ofSeconds(1).toMillis();

  @Override
  public Object postProcessBeforeInitialization(Object bean, String name) {
    if (bean instanceof JobMaintenanceServiceImpl maintenance) {
      maintenance.setScheduledJobFrequencyMillis(EVERY);
    }
    return bean;
  }
}
