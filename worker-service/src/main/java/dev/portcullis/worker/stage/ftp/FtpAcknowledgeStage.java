package dev.portcullis.worker.stage.ftp;

import dev.portcullis.core.wire.PayloadChanges;
import dev.portcullis.core.wire.TcpNumbers;
import dev.portcullis.worker.stage.Stage;
import dev.portcullis.worker.stage.Vector;

/**
 * Makes what a side acknowledges the numbers of the other side again, where {@link FtpStage} has
 * shifted those: in front of stateful inspection, whose windows are in numbers of the sender.
 */
public final class FtpAcknowledgeStage implements Stage {

  private final FtpControls controls;

  /** Makes the stage. */
  public FtpAcknowledgeStage(FtpControls controls) {
    this.controls = controls;
  }

  @Override
  public void process(Vector v) {
    if (controls.isEmpty()) {
      return;
    }
    for (int i = v.from; i < v.to; i++) {
      v.current = i;
      if (v.kind[i] == Vector.KNOWN && controls.isControl(v.flow[i] >>> 1)) {
        acknowledge(v, i);
      }
    }
  }

  private void acknowledge(Vector v, int i) {
    FtpControl control = controls.known(v.flow[i] >>> 1);
    if (control != null) {
      PayloadChanges acknowledged = control.side(1 - (v.flow[i] & 1)).changes;
      if (!acknowledged.isEmpty()) {
        TcpNumbers.acknowledge(v.batch.bytes, v.header[i], acknowledged);
      }
    }
  }
}
