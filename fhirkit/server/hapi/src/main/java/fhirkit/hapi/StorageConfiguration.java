package fhirkit.hapi;

import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings.ClientIdStrategyEnum;
import ca.uhn.fhir.jpa.model.config.PartitionSettings;
import ca.uhn.fhir.jpa.model.config.SubscriptionSettings;
import java.util.Set;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** How this server treats resources: ids, references, searches and batch jobs. */
@Configuration
public class StorageConfiguration {

  @Bean
  public JpaStorageSettings storageSettings(Settings settings) {
    JpaStorageSettings storage = new JpaStorageSettings();
    // HAPI's default, said aloud: names and UUIDs chosen by clients, but no plain numbers.
    storage.setResourceClientIdStrategy(ClientIdStrategyEnum.ALPHANUMERIC);
    storage.setTreatBaseUrlsAsLocal(Set.of(settings.baseUrl(), settings.localhostUrl()));
    storage.setAllowContainsSearches(true);
    storage.setAllowMultipleDelete(true);
    storage.setExpungeEnabled(true);
    storage.setDeleteExpungeEnabled(true);
    // A step of a batch job starts as soon as the one before it ends, not at the next pass.
    storage.setJobFastTrackingEnabled(true);
    storage.setEnableTaskBulkExportJobExecution(true);
    return storage;
  }

  @Bean
  public PartitionSettings partitionSettings() {
    return new PartitionSettings();
  }

  @Bean
  public SubscriptionSettings subscriptionSettings() {
    return new SubscriptionSettings();
  }
}
