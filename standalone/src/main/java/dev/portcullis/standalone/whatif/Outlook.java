package dev.portcullis.standalone.whatif;

/**
 * What one algorithm does with N workers, over the flows of a capture.
 *
 * @param algorithm its name in the configuration
 * @param configured whether it is the one that the configuration has
 * @param workers N
 * @param busiestByFlows flows of the busiest worker, divided by the mean; 1 is perfect balance
 * @param busiestByPackets packets of the busiest worker, divided by the mean
 * @param moved flows with state whose worker changes from N to N + 1
 * @param movedShare the same, as a share of the flows with state: 0 to 1
 * @param secondHops flows with state whose reply belongs to another worker
 * @param secondHopsShare the same, as a share of the flows with state: 0 to 1
 * @param stateBytes bytes of flow entries and path records to hand over from N to N + 1
 */
public record Outlook(
    String algorithm,
    boolean configured,
    int workers,
    double busiestByFlows,
    double busiestByPackets,
    long moved,
    double movedShare,
    long secondHops,
    double secondHopsShare,
    long stateBytes) {}
