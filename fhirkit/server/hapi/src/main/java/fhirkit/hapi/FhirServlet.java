package fhirkit.hapi;

import ca.uhn.fhir.batch2.jobs.bulkmodify.reindex.ReindexProvider;
import ca.uhn.fhir.batch2.jobs.export.BulkDataExportProvider;
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.binary.provider.BinaryAccessProvider;
import ca.uhn.fhir.jpa.provider.DiffProvider;
import ca.uhn.fhir.jpa.provider.IJpaSystemProvider;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.provider.ValueSetOperationProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.rest.server.HardcodedServerAddressStrategy;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import java.util.List;
import org.springframework.context.ApplicationContext;

/** The REST face of the server: which interactions and operations it offers. */
@SuppressWarnings("serial") // never serialised: one instance, made by Main
public class FhirServlet extends RestfulServer {

  private static final List<Class<?>> PROVIDERS = List.of(
      IJpaSystemProvider.class,
      BulkDataExportProvider.class,
      ValueSetOperationProvider.class,
      ReindexProvider.class,
      DiffProvider.class,
      BinaryAccessProvider.class);

  private final transient ApplicationContext beans;
  private final transient Settings settings;

  FhirServlet(ApplicationContext beans, Settings settings) {
    this.beans = beans;
    this.settings = settings;
  }

  @Override
  protected void initialize() {
    setFhirContext(beans.getBean(FhirContext.class));
    // Links name one address, whatever Host header a request brings.
    setServerAddressStrategy(new HardcodedServerAddressStrategy(settings.baseUrl()));
    setDefaultResponseEncoding(EncodingEnum.JSON);
    setDefaultPrettyPrint(false);
    setPagingProvider(beans.getBean(DatabaseBackedPagingProvider.class));
    for (ResourceProviderFactory factory :
        beans.getBeansOfType(ResourceProviderFactory.class).values()) {
      registerProviders(factory.createProviders());
    }
    PROVIDERS.forEach(provider -> registerProvider(beans.getBean(provider)));
    setServerConformanceProvider(capabilityStatement());
  }

  private JpaCapabilityStatementProvider capabilityStatement() {
    JpaCapabilityStatementProvider provider = new JpaCapabilityStatementProvider(
        this,
        beans.getBean(IFhirSystemDao.class),
        beans.getBean(JpaStorageSettings.class),
        beans.getBean(ISearchParamRegistry.class),
        beans.getBean(IValidationSupport.class));
    provider.setImplementationDescription("HAPI FHIR R4, started by fhirkit");
    return provider;
  }
}
