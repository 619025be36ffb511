package dev.portcullis.e2e;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.assignableTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noFields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noMethods;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** Who may know whom, as sentences about the classes of all modules. */
class ArchitectureTest {

  private static final String CORE = "dev.portcullis.core..";
  private static final String IO = "dev.portcullis.io..";
  private static final String WORKER = "dev.portcullis.worker..";
  private static final String SWITCH = "dev.portcullis.switching..";
  private static final String OPERATOR = "dev.portcullis.operator..";
  private static final String STANDALONE = "dev.portcullis.standalone..";
  private static final String GENERATED = "dev.portcullis..proto..";

  /** Packages in which every statement may run once a packet. */
  private static final String[] HOT = {
    "dev.portcullis.core.packet..",
    "dev.portcullis.core.wire..",
    "dev.portcullis.worker.flow..",
    "dev.portcullis.worker.stage.."
  };

  /** Packages that speak gRPC. */
  private static final String[] LINKS = {
    "dev.portcullis.core.link..",
    "dev.portcullis.core.management..",
    "dev.portcullis.switching.management.."
  };

  /** Root packages of the services: the only ones that know the framework. */
  private static final String[] ROOTS = {
    "dev.portcullis.io",
    "dev.portcullis.worker",
    "dev.portcullis.switching",
    "dev.portcullis.operator"
  };

  private static final JavaClasses ALL =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("dev.portcullis");

  private static final JavaClasses WRITTEN = ALL.that(not(resideInAPackage(GENERATED)));

  @Test
  void shouldSeeTheClassesOfEveryModule() {
    for (String root : ROOTS) {
      assertTrue(ALL.stream().anyMatch(c -> c.getPackageName().equals(root)), root);
    }
    assertTrue(ALL.stream().anyMatch(c -> c.getPackageName().startsWith("dev.portcullis.core.")));
  }

  @Test
  void coreShouldKnowNoService() {
    holds(
        noClasses()
            .that()
            .resideInAPackage(CORE)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(IO, WORKER, SWITCH, OPERATOR, STANDALONE));
  }

  @Test
  void servicesShouldKnowCoreOnlyAndNeverEachOther() {
    holds(
        noClasses()
            .that()
            .resideInAPackage(IO)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(WORKER, SWITCH, OPERATOR, STANDALONE));
    holds(
        noClasses()
            .that()
            .resideInAPackage(WORKER)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(IO, SWITCH, OPERATOR, STANDALONE));
    holds(
        noClasses()
            .that()
            .resideInAPackage(SWITCH)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(IO, WORKER, OPERATOR, STANDALONE));
    holds(
        noClasses()
            .that()
            .resideInAPackage(OPERATOR)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(IO, WORKER, SWITCH, STANDALONE));
  }

  @Test
  void onlyTheOperatorShouldKnowKubernetes() {
    holds(
        noClasses()
            .that()
            .resideOutsideOfPackage(OPERATOR)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                "io.fabric8..", "io.javaoperatorsdk..", "com.fasterxml..", "org.bouncycastle.."));
  }

  @Test
  void onlyTheLinkPackagesShouldKnowGrpcNettyAndGeneratedClasses() {
    holds(
        noClasses()
            .that()
            .resideOutsideOfPackages(LINKS)
            .should()
            .dependOnClassesThat(
                resideInAnyPackage("io.grpc..", "io.netty..", "com.google.protobuf..", GENERATED)));
  }

  @Test
  void onlyThePolicyPackageShouldKnowTheYamlParser() {
    holds(
        noClasses()
            .that()
            .resideOutsideOfPackage("dev.portcullis.core.policy..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.snakeyaml..", "org.yaml.."));
  }

  @Test
  void onlyTheExpressionPackageShouldKnowCel() {
    holds(
        noClasses()
            .that()
            .resideOutsideOfPackage("dev.portcullis.core.policy.expression..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.cel.."));
  }

  @Test
  void onlyTheRootPackagesOfTheServicesShouldKnowQuarkus() {
    holds(
        noClasses()
            .that()
            .resideOutsideOfPackages(ROOTS)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                "io.quarkus..",
                "io.smallrye..",
                "io.vertx..",
                "jakarta..",
                "org.eclipse.microprofile.."));
  }

  @Test
  void onlyTheProcessPackageAndTheRootsShouldKnowMicrometer() {
    holds(
        noClasses()
            .that()
            .resideOutsideOfPackages(ROOTS)
            .and()
            .resideOutsideOfPackage("dev.portcullis.core.process")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.micrometer.."));
  }

  @Test
  void machinesOfAChangeShouldKnowNothingButThemselvesAndModuleIds() {
    holds(
        noClasses()
            .that()
            .resideInAPackage("dev.portcullis.core.elastic..")
            .should()
            .dependOnClassesThat(
                not(resideInAnyPackage(
                        "dev.portcullis.core.elastic..",
                        "java.lang..",
                        "java.util",
                        "java.util.function..",
                        "java.util.stream..",
                        "org.jspecify.."))
                    .and(not(assignableTo(dev.portcullis.core.link.ModuleId.class)))
                    .and(not(assignableTo(dev.portcullis.core.link.ModuleId.Kind.class)))));
    holds(
        noClasses()
            .that()
            .resideInAPackage("dev.portcullis.core.elastic..")
            .should()
            .dependOnClassesThat()
            .belongToAnyOf(Thread.class, java.util.Random.class, java.util.Timer.class)
            .orShould()
            .callMethod(System.class, "nanoTime")
            .orShould()
            .callMethod(System.class, "currentTimeMillis"));
  }

  @Test
  void stagesShouldNotKnowEachOther() {
    holds(slices().matching("dev.portcullis.worker.stage.(*)..").should().notDependOnEachOther());
  }

  @Test
  void onlyThePipelineShouldSeeTheStages() {
    holds(
        noClasses()
            .that()
            .resideOutsideOfPackages(
                "dev.portcullis.worker.pipeline..", "dev.portcullis.worker.stage..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.portcullis.worker.stage.*.."));
  }

  @Test
  void hotPackagesShouldNotLogStreamWrapOrLock() {
    holds(
        noClasses()
            .that()
            .resideInAnyPackage(HOT)
            .should()
            .dependOnClassesThat(
                resideInAnyPackage(
                        "java.util.logging..",
                        "org.slf4j..",
                        "org.jboss.logging..",
                        "java.util.stream..",
                        "java.util.concurrent.locks..")
                    .or(assignableTo(System.Logger.class))
                    .or(assignableTo(Optional.class))));
    holds(
        noMethods()
            .that()
            .areDeclaredInClassesThat()
            .resideInAnyPackage(HOT)
            .should()
            .haveModifier(JavaModifier.SYNCHRONIZED));
  }

  @Test
  void hotPackagesShouldNotFormatText() {
    holds(
        noClasses()
            .that()
            .resideInAnyPackage(HOT)
            .should()
            .callMethodWhere(
                new DescribedPredicate<>("it formats text") {
                  @Override
                  public boolean test(com.tngtech.archunit.core.domain.JavaMethodCall call) {
                    String name = call.getTarget().getName();
                    return call.getTargetOwner().isEquivalentTo(String.class)
                        && (name.equals("format") || name.equals("formatted"));
                  }
                }));
  }

  @Test
  void namesShouldSayWhatAClassIs() {
    holds(
        noClasses()
            .should()
            .haveNameMatching(".*(Impl|Util|Utils|Helper|Helpers|Manager)(\\$.*)?")
            .because("such a name says nothing about what the class is"));
  }

  @Test
  void noStaticThatOthersReachShouldBeMutable() {
    holds(fields().that().areStatic().and().areNotPrivate().should().beFinal());
    holds(
        noFields()
            .that()
            .areStatic()
            .and()
            .arePublic()
            .and(
                new DescribedPredicate<JavaField>("are arrays or mutable collections") {
                  @Override
                  public boolean test(JavaField field) {
                    JavaClass type = field.getRawType();
                    return type.isArray()
                        || type.getPackageName().equals("java.util")
                            && !type.isInterface()
                            && (type.isAssignableTo(Collection.class)
                                || type.isAssignableTo(Map.class));
                  }
                })
            .should()
            .bePublic());
  }

  @Test
  void everyPackageShouldSayThatNothingIsNullUnlessItSaysSo() {
    holds(
        classes()
            .should(
                new ArchCondition<>("reside in a package that is @NullMarked") {
                  @Override
                  public void check(JavaClass item, ConditionEvents events) {
                    boolean marked = item.getPackage().isAnnotatedWith(NullMarked.class);
                    events.add(
                        new SimpleConditionEvent(
                            item,
                            marked,
                            item.getPackageName() + " has no package-info with @NullMarked"));
                  }
                }));
  }

  private static void holds(ArchRule rule) {
    rule.check(WRITTEN);
  }
}
