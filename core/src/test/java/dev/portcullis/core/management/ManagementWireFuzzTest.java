package dev.portcullis.core.management;

import com.code_intelligence.jazzer.junit.FuzzTest;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.management.proto.Directive;
import dev.portcullis.core.management.proto.ModuleReport;

/**
 * What a peer says to management is taken, or refused with a sentence, and never more than that.
 */
class ManagementWireFuzzTest {

  private static final Life SENDER = new Life(ModuleId.worker(0), 1, 1);

  @FuzzTest(maxDuration = "60m")
  void shouldTakeOrRefuse(byte[] message) {
    try {
      ModuleReport report = ModuleReport.parseFrom(message);
      if (report.hasAnswer()) {
        ChangeWire.decode(SENDER, report.getAnswer());
        ChangeWire.share(report.getAnswer());
      }
      ManagementWire.decode(report.getHello());
    } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
      // refused with a sentence
    }
    try {
      Directive directive = Directive.parseFrom(message);
      if (directive.hasOrder()) {
        ChangeWire.decode(directive.getOrder());
      }
      ManagementWire.decode(directive);
    } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
      // refused with a sentence
    }
  }
}
