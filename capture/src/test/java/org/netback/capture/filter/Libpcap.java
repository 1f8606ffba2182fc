package org.netback.capture.filter;

import com.sun.jna.Function;
import com.sun.jna.Memory;
import com.sun.jna.NativeLibrary;
import java.util.List;
import org.pcap4j.core.BpfProgram;
import org.pcap4j.core.BpfProgram.BpfCompileMode;
import org.pcap4j.core.PcapHandle;
import org.pcap4j.core.PcapNativeException;
import org.pcap4j.core.Pcaps;
import org.pcap4j.packet.namednumber.DataLinkType;

/// libpcap itself, as the judge of what is built after it.
final class Libpcap {
  private static final Function BPF_FILTER =
      NativeLibrary.getInstance("pcap").getFunction("bpf_filter");

  private Libpcap() {}

  /// Has an expression compiled by Pcap4J alone.
  ///
  /// @throws PcapNativeException with libpcap's message
  static BpfProgram compile(String expression) throws Exception {
    try (PcapHandle handle = Pcaps.openDead(DataLinkType.EN10MB, FilterProgram.WHOLE)) {
      return handle.compileFilter(
          expression, BpfCompileMode.OPTIMIZE, PcapHandle.PCAP_NETMASK_UNKNOWN);
    }
  }

  /// The program as native memory that `bpf_filter` reads.
  static Memory memory(List<BpfInstruction> program) {
    Memory memory = new Memory((long) program.size() * BpfInstruction.SIZE);
    long at = 0;
    for (BpfInstruction each : program) {
      memory.setShort(at, (short) each.code());
      memory.setByte(at + 2, (byte) each.jt());
      memory.setByte(at + 3, (byte) each.jf());
      memory.setInt(at + 4, each.k());
      at += BpfInstruction.SIZE;
    }
    return memory;
  }

  /// What `bpf_filter` returns, an unsigned number.
  ///
  /// @param captured octets that are there of the `length` that the frame had
  static long filter(Memory program, byte[] octets, int captured, int length) {
    Memory copy = new Memory(Math.max(captured, 1));
    copy.write(0, octets, 0, captured);
    return Integer.toUnsignedLong(
        BPF_FILTER.invokeInt(new Object[] {program, copy, length, captured}));
  }
}
