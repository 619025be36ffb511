package dev.portcullis.core.management;

import com.code_intelligence.jazzer.junit.FuzzTest;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.portcullis.core.management.proto.Directive;
import dev.portcullis.core.management.proto.ModuleReport;

/**
 * What a peer says to management is taken, or refused with a sentence, and never more than that.
 */
class ManagementWireFuzzTest {

  @FuzzTest(maxDuration = "60m")
  void shouldTakeOrRefuse(byte[] message) {
    try {
      ManagementWire.decode(ModuleReport.parseFrom(message).getHello());
    } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
      // refused with a sentence
    }
    try {
      ManagementWire.decode(Directive.parseFrom(message));
    } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
      // refused with a sentence
    }
  }
}
