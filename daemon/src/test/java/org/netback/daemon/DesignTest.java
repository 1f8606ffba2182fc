package org.netback.daemon;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/// The boundaries between the modules, which Maven's dependencies state only in part.
@AnalyzeClasses(packages = "org.netback", importOptions = ImportOption.DoNotIncludeTests.class)
class DesignTest {
  private static final String[] CORE = {
    "org.netback.packet..",
    "org.netback.offload..",
    "org.netback.hashing..",
    "org.netback.ctrl..",
    "org.netback.vswitch..",
    "org.netback.netif..",
    "org.netback.xen.ring..",
    "org.netback.xen.grant..",
    "org.netback.xen.event..",
    "org.netback.xen.store..",
    "org.netback.xen.bus..",
    "org.netback.xen.io..",
    "org.netback.xen.ground..",
    "org.netback.xen.frontends.."
  };

  @ArchTest
  static final ArchRule theSwitchNeverSeesXen =
      noClasses()
          .that()
          .resideInAPackage("org.netback.vswitch..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("org.netback.xen..", "org.netback.netif..", "org.netback.adapters..");

  @ArchTest
  static final ArchRule capturesKnowTheSwitchAlone =
      noClasses()
          .that()
          .resideInAPackage("org.netback.capture..")
          .should()
          .dependOnClassesThat(
              resideInAPackage("org.netback..")
                  .and(not(resideInAPackage("org.netback.capture..")))
                  .and(not(resideInAPackage("org.netback.vswitch..")))
                  .and(not(resideInAPackage("org.netback.packet..")))
                  .and(not(resideInAPackage("org.netback.offload.."))));

  @ArchTest
  static final ArchRule theWayOfAFrameKnowsNoCaptures =
      noClasses()
          .that()
          .resideInAnyPackage(CORE)
          .should()
          .dependOnClassesThat()
          .resideInAPackage("org.netback.capture..");

  @ArchTest
  static final ArchRule loopsStandOnNothingOfOurs =
      noClasses()
          .that()
          .resideInAPackage("org.netback.loop..")
          .should()
          .dependOnClassesThat(
              resideInAPackage("org.netback..").and(not(resideInAPackage("org.netback.loop.."))));

  @ArchTest
  static final ArchRule theCoreRunsOnAnyLoop =
      noClasses()
          .that()
          .resideInAnyPackage(CORE)
          .and()
          .haveNameNotMatching(".*UnixStoreTransport.*")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("org.netback.loop.netty..", "org.netback.loop.libc..");

  @ArchTest
  static final ArchRule xenNeverSeesPackets =
      noClasses()
          .that()
          .resideInAPackage("org.netback.xen..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "org.netback.packet..",
              "org.netback.offload..",
              "org.netback.hashing..",
              "org.netback.ctrl..",
              "org.netback.vswitch..",
              "org.netback.netif..",
              "org.netback.adapters..",
              "org.netback.daemon..");

  @ArchTest
  static final ArchRule packetsAndOffloadNeverSeeRings =
      noClasses()
          .that()
          .resideInAnyPackage(
              "org.netback.packet..", "org.netback.offload..", "org.netback.hashing..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("org.netback.xen..", "org.netback.vswitch..", "org.netback.netif..");

  @ArchTest
  static final ArchRule theBackendStandsOnAnyGround =
      noClasses()
          .that()
          .resideInAPackage("org.netback.netif..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "org.netback.xen.embedded..",
              "org.netback.xen.dom0..",
              "org.netback.xen.frontends..",
              "org.netback.adapters..",
              "org.netback.daemon..");

  @ArchTest
  static final ArchRule theContractsKnowNoGround =
      noClasses()
          .that()
          .resideInAnyPackage(
              "org.netback.xen.ring..",
              "org.netback.xen.grant..",
              "org.netback.xen.event..",
              "org.netback.xen.store..",
              "org.netback.xen.bus..",
              "org.netback.xen.ground..",
              "org.netback.xen.io..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "org.netback.xen.embedded..",
              "org.netback.xen.dom0..",
              "org.netback.xen.frontends..");

  @ArchTest
  static final ArchRule theGroundsKnowNeitherEachOtherNorTheGuestsSide =
      slices()
          .matching("org.netback.xen.(embedded|dom0|frontends)..")
          .should()
          .notDependOnEachOther();

  /// What a ground without Xen is made of is its own affair.
  @ArchTest
  static final ArchRule theEmbeddedGroundIsSeenFromOutside =
      noClasses()
          .that()
          .resideOutsideOfPackage("org.netback.xen.embedded..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "org.netback.xen.embedded.event..",
              "org.netback.xen.embedded.wire..",
              "org.netback.xen.embedded.xenstored..");

  @ArchTest
  static final ArchRule theControlRingNeverSeesPacketsOrTheSwitch =
      noClasses()
          .that()
          .resideInAPackage("org.netback.ctrl..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "org.netback.packet..",
              "org.netback.offload..",
              "org.netback.vswitch..",
              "org.netback.netif..",
              "org.netback.adapters..",
              "org.netback.xen.embedded..",
              "org.netback.xen.dom0..",
              "org.netback.xen.frontends..");

  @ArchTest
  static final ArchRule adaptersNeverSeeXen =
      noClasses()
          .that()
          .resideInAPackage("org.netback.adapters..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "org.netback.xen..",
              "org.netback.netif..",
              "org.netback.ctrl..",
              "org.netback.hashing..",
              "org.netback.daemon..");

  @ArchTest
  static final ArchRule packagesHaveNoCycles =
      slices().matching("org.netback.(**)").should().beFreeOfCycles();

  /// Benchmarks print their tables; the daemon's command line has its streams given by Main.
  @ArchTest
  static final ArchRule nothingPrints =
      noClasses()
          .that()
          .resideOutsideOfPackage("org.netback.benchmarks..")
          .and()
          .doNotHaveFullyQualifiedName("org.netback.daemon.cli.Main")
          .and()
          .doNotHaveFullyQualifiedName("org.netback.client.Client")
          .should(ACCESS_STANDARD_STREAMS);

  @ArchTest
  static final ArchRule onlyTheDaemonKnowsTheDaemon =
      noClasses()
          .that()
          .resideOutsideOfPackages("org.netback.daemon..", "org.netback.benchmarks..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("org.netback.daemon..");

  /// They stand where a guest stands: on the other side of the rings.
  @ArchTest
  static final ArchRule guestsNeverSeeTheBackend =
      noClasses()
          .that()
          .resideInAPackage("org.netback.guest..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "org.netback.netif..",
              "org.netback.console..",
              "org.netback.ctrl..",
              "org.netback.hashing..",
              "org.netback.vswitch..",
              "org.netback.xen.bus..",
              "org.netback.xen.dom0..",
              "org.netback.client..",
              "org.netback.daemon..");

  @ArchTest
  static final ArchRule onlyTheCommandsAndTheDemoHaveGuests =
      noClasses()
          .that()
          .resideOutsideOfPackages(
              "org.netback.guest..", "org.netback.daemon.cli..", "org.netback.daemon.demo..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("org.netback.guest..");

  @ArchTest
  static final ArchRule theClientStandsOnTheJdkAlone =
      classes()
          .that()
          .resideInAPackage("org.netback.client..")
          .should()
          .onlyDependOnClassesThat()
          .resideInAnyPackage("org.netback.client..", "java..", "org.jspecify..");

  /// Captures' filters are compiled by libpcap.
  @ArchTest
  static final ArchRule nativeCallsStayAtTheEdge =
      noClasses()
          .that()
          .resideOutsideOfPackages("org.netback.loop.libc..", "org.netback.capture.filter..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("com.sun.jna..");

  @ArchTest
  static final ArchRule librariesStayOutOfTheCore =
      noClasses()
          .that()
          .resideInAnyPackage(CORE)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "io.netty..",
              "com.sun.jna..",
              "io.micrometer..",
              "org.pcap4j..",
              "picocli..",
              "com.fasterxml..",
              "ch.qos.logback..");

  @ArchTest
  static final ArchRule namesSayWhatAClassIs =
      classes()
          .should(
              new com.tngtech.archunit.lang.ArchCondition<JavaClass>("have telling names") {
                @Override
                public void check(
                    JavaClass type, com.tngtech.archunit.lang.ConditionEvents events) {
                  if (type.getSimpleName()
                      .matches("(Abstract|Base).*|.*(Manager|Helper|Utils?|Impl|Base)")) {
                    events.add(
                        com.tngtech.archunit.lang.SimpleConditionEvent.violated(
                            type, type.getName() + " says nothing"));
                  }
                }
              });
}
