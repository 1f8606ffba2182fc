package org.netback.capture.pcapng;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Files of the writer as Wireshark's and tcpdump's readers see them, and files of theirs as the
/// reader sees them.
@Timeout(120)
class CaptureToolsTest {
  private record Result(int status, String out, String err) {}

  /// What programs say of any file, by a part of it.
  private static final List<String> USUAL =
      List.of("This could be dangerous.", "reading from file ");

  @TempDir Path directory;

  private final SampleCapture sample = SampleCapture.make();

  private Path file(String name, byte[] octets) throws IOException {
    return Files.write(directory.resolve(name), octets);
  }

  private Path sampleFile() throws IOException {
    return file("sample.pcapng", sample.octets());
  }

  /// Runs a program that reads captures, with a home of its own.
  private Result run(String... command) throws IOException, InterruptedException {
    assumeTrue(
        Stream.of(System.getenv("PATH").split(":"))
            .anyMatch(each -> Files.isExecutable(Path.of(each, command[0]))),
        command[0] + " is not installed: bin/install tests");
    Path err = directory.resolve("err");
    ProcessBuilder builder = new ProcessBuilder(command).redirectError(err.toFile());
    builder.environment().put("HOME", directory.toString());
    builder.environment().put("TZ", "UTC");
    builder.environment().put("LC_ALL", "C.UTF-8");
    Process process = builder.start();
    try {
      process.getOutputStream().close();
      String out = new String(process.getInputStream().readAllBytes(), UTF_8);
      int status = process.waitFor();
      String complaints =
          Files.readString(err)
              .lines()
              .filter(line -> USUAL.stream().noneMatch(line::contains))
              .collect(joining("\n"));
      return new Result(status, out, complaints);
    } finally {
      process.destroyForcibly();
    }
  }

  /// What a program prints, which must not complain.
  private String out(String... command) throws IOException, InterruptedException {
    Result result = run(command);
    assertThat(result.err()).as(String.join(" ", command)).isEmpty();
    assertThat(result.status()).as(String.join(" ", command)).isZero();
    return result.out();
  }

  private String fields(Path file, String... names) throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of("tshark", "-r", file.toString(), "-T", "fields", "-E", "separator=|"));
    for (String name : names) {
      command.add("-e");
      command.add(name);
    }
    return out(command.toArray(String[]::new));
  }

  @Test
  void tsharkReadsPacketsAndTheirOptions() throws IOException, InterruptedException {
    Path file = sampleFile();
    assertThat(
            fields(
                file,
                "frame.time_epoch",
                "frame.interface_id",
                "frame.interface_name",
                "frame.interface_description",
                "frame.cap_len",
                "frame.len"))
        .isEqualTo(
            """
            1795000000.123456789|0|vif1.0|guest web (1), network blue|42|42
            1795000000.123456790|1|vif2.0|guest dätabase (2), network blue|42|42
            1795000000.123457789|1|vif2.0|guest dätabase (2), network blue|58|58
            1795000000.123457790|2|tap0||33|58
            1795000000.123457790|2|tap0||14|58
            """);
    assertThat(
            fields(
                file,
                "frame.packet_id",
                "frame.interface_queue",
                "frame.packet_flags_direction",
                "frame.packet_flags_reception_type",
                "frame.p2p_dir",
                "frame.verdict.hw",
                "frame.drop_count",
                "frame.comment"))
        .isEqualTo(
            """
            1|3|0x00000001|3|1|00 01||ingress: flood
            1||0x00000002|3|0|00 00||egress: delivered
            4294967298|0|0x00000001|1|1|||
            4294967298||0x00000002|4|0|01 10|17|egress: dropped, BACKLOG_FULL
            |||||||
            """);
    assertThat(fields(file, "frame.protocols").lines().limit(3))
        .containsExactly("eth:ethertype:arp", "eth:ethertype:arp", "eth:ethertype:ip:udp:echo");
  }

  private static final List<String> OPTIONS =
      List.of(
          "comment",
          "hardware",
          "os",
          "user_application",
          "interface.name",
          "interface.description",
          "mac",
          "interface.speed",
          "interface.timestamp_resolution.value",
          "interface.filter.string",
          "interface.fcs_length",
          "packet.id",
          "packet.queue",
          "packet.verdict.data",
          "packet.hash.algorithm",
          "packet.hash.data",
          "packet.drop_count",
          "interface.received",
          "interface.dropped",
          "interface.accepted_by_filter",
          "interface.dropped_by_os",
          "interface.delivered_to_user");

  /// Its dissector of capture files, which takes every block apart.
  @Test
  void tsharkReadsEveryOptionOfEveryBlock() throws IOException, InterruptedException {
    String file = sampleFile().toString();
    List<String> command =
        new ArrayList<>(
            List.of("tshark", "-r", file, "-X", "read_format:MIME Files Format", "-T", "fields"));
    command.addAll(List.of("-E", "separator=|", "-E", "aggregator=;"));
    command.addAll(
        List.of("-e", "pcapng.block.type.value", "-e", "pcapng.records.record.data.name"));
    OPTIONS.forEach(name -> command.addAll(List.of("-e", "pcapng.options.option.data." + name)));
    assertThat(out(command.toArray(String[]::new)).strip().split("\\|", -1))
        .containsExactly(
            "0x0a0d0d0a;0x00000001;0x00000001;0x00000004;0x00000006;0x00000006;0x00000006;"
                + "0x00000001;0x00000006;0x00000006;0x00000005;0x00000005",
            "web.blue;web6.blue",
            "netback capture start --guest web 'not port 22';ingress: flood;egress: delivered;"
                + "egress: dropped, BACKLOG_FULL",
            "host-7.example",
            "Linux 6.1.0-42-amd64",
            "netback 0.1.0",
            "vif1.0;vif2.0;tap0",
            "guest web (1), network blue;guest dätabase (2), network blue",
            "00:16:3e:00:00:01;00:16:3e:00:00:02",
            "1000000000;10000000000",
            "9;9;9",
            "not port 22",
            "0;0;0",
            "0x0000000000000001;0x0000000000000001;0x0000000100000002;0x0000000100000002",
            "3;0",
            "0001;0000;0110",
            "5",
            "51ccc178",
            "17",
            "4;2",
            "1",
            "3",
            "0",
            "3;2");
    assertThat(out("tshark", "-r", file, "-X", "read_format:MIME Files Format", "-V"))
        .contains("PCAPNG File Format")
        .doesNotContain("Expert Info")
        .doesNotContain("Malformed");
  }

  @Test
  void tsharkResolvesNames() throws IOException, InterruptedException {
    assertThat(
            out(
                "tshark",
                "-r",
                sampleFile().toString(),
                "-N",
                "n",
                "-c",
                "3",
                "-T",
                "fields",
                "-e",
                "ip.dst_host"))
        .isEqualTo("\n\nweb.blue\n");
  }

  @Test
  void capinfosCountsThePacketsOfEachInterface() throws IOException, InterruptedException {
    assertThat(out("capinfos", "-M", sampleFile().toString()).lines().map(String::strip))
        .containsSubsequence(
            "File timestamp precision:  nanoseconds (9)",
            "Number of packets:   5",
            "Strict time order:   True",
            "Capture hardware:    host-7.example",
            "Capture oper-sys:    Linux 6.1.0-42-amd64",
            "Capture application: netback 0.1.0",
            "Capture comment:     netback capture start --guest web 'not port 22'",
            "Number of interfaces in file: 3",
            "Name = vif1.0",
            "Speed = 1000000000",
            "Filter string = not port 22",
            "Number of stat entries = 1",
            "Number of packets = 1",
            "Name = vif2.0",
            "Number of stat entries = 1",
            "Number of packets = 2",
            "Name = tap0",
            "Number of stat entries = 0",
            "Number of packets = 2",
            "Number of resolved IPv4 addresses in file: 1",
            "Number of resolved IPv6 addresses in file: 1");
  }

  @Test
  void tcpdumpReadsThePackets() throws IOException, InterruptedException {
    assertThat(
            out("tcpdump", "-nn", "-tt", "--nano", "-r", sampleFile().toString()).lines().limit(3))
        .containsExactly(
            "1795000000.123456789 ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28",
            "1795000000.123456790 ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28",
            "1795000000.123457789 IP 10.0.0.2.54321 > 10.0.0.1.7: UDP, length 16");
  }

  @Test
  void editcapAndMergecapReadFiles() throws IOException, InterruptedException {
    String file = sampleFile().toString();
    String edited = directory.resolve("edited").toString();
    assertThat(out("editcap", file, edited)).isEmpty();
    assertThat(out("editcap", "-F", "nsecpcap", file, edited)).isEmpty();
    assertThat(out("mergecap", "-w", edited, file, file)).isEmpty();
  }

  /// Wireshark 4.0 cannot write verdicts: [PacketNote] says how that ends.
  @Test
  void aMergedFileWithoutVerdictsKeepsPacketsAndOptions() throws IOException, InterruptedException {
    byte[] octets = SampleCapture.withoutVerdicts().octets();
    Path merged = directory.resolve("merged.pcapng");
    out(
        "mergecap",
        "-a",
        "-w",
        merged.toString(),
        file("a", octets).toString(),
        file("b", octets).toString());
    List<String> packets = new ArrayList<>();
    try (CaptureReader reader = CaptureReader.open(merged)) {
      for (Optional<CapturedPacket> next = reader.nextPacket();
          next.isPresent();
          next = reader.nextPacket()) {
        CapturedPacket packet = next.get();
        packets.add(
            "%s %s %s %s"
                .formatted(
                    packet.description().name(),
                    packet.time() - SampleCapture.START,
                    packet.packetId(),
                    packet.comments()));
      }
      assertThat(reader.truncation()).isEmpty();
    }
    List<String> each =
        List.of(
            "vif1.0 0 OptionalLong[1] [ingress: flood]",
            "vif2.0 1 OptionalLong[1] [egress: delivered]",
            "vif2.0 1000 OptionalLong[4294967298] []",
            "tap0 1001 OptionalLong[4294967298] [egress: dropped, BACKLOG_FULL]",
            "tap0 1001 OptionalLong.empty []");
    assertThat(packets).containsExactlyElementsOf(twice(each));
  }

  private static List<String> twice(List<String> list) {
    return Stream.concat(list.stream(), list.stream()).toList();
  }

  /// A writer that was killed: what is whole is read, and the rest is said to be missing.
  @Test
  void othersReadACutFileUpToItsLastWholeBlock() throws IOException, InterruptedException {
    byte[] octets = sample.octets();
    int fourth = sample.packets.indexOf(4);
    for (int cut :
        List.of(
            sample.ends.get(fourth),
            sample.ends.get(fourth) + 1,
            sample.ends.get(fourth) + 8,
            sample.ends.get(fourth) + 30,
            sample.ends.get(fourth + 1) - 1)) {
      Path file = file("cut.pcapng", Arrays.copyOf(octets, cut));
      Result shark = run("tshark", "-r", file.toString(), "-T", "fields", "-e", "frame.time_epoch");
      assertThat(shark.out().lines()).hasSize(4);
      Result dump = run("tcpdump", "-nn", "-tt", "--nano", "-r", file.toString());
      assertThat(dump.out().lines()).hasSize(4);
      if (cut == sample.ends.get(fourth)) {
        assertThat(shark).extracting(Result::status, Result::err).containsExactly(0, "");
        assertThat(dump).extracting(Result::status, Result::err).containsExactly(0, "");
      }
    }
  }

  /// As the owner of a writer does it: a file of packets that fill the buffer many times.
  @Test
  void othersReadAFileThatWasWrittenInManyParts() throws IOException, InterruptedException {
    Path file = directory.resolve("long.pcapng");
    SectionWriter writer = new SectionWriter(MemorySegment.ofArray(new byte[8192]), 2000);
    PacketOptions options = new PacketOptions();
    PacketNote note = PacketNote.of("ingress: unicast");
    MemorySegment data = MemorySegment.ofArray(new byte[1500]);
    MemorySegment.copy(
        MemorySegment.ofArray(SampleCapture.DATAGRAM), 0, data, 0, SampleCapture.DATAGRAM.length);
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      assertThat(writer.begin(SampleCapture.HEADER)).isTrue();
      for (String name : List.of("vif1.0", "vif2.0")) {
        assertThat(
                writer.add(
                    InterfaceDescription.ofPort(
                        2000, name, "", Optional.of(SampleCapture.WEB), 0, "")))
            .isTrue();
      }
      for (int i = 0; i < 1000; i++) {
        options.clear().packetId(i).flags(PacketFlags.INBOUND | PacketFlags.UNICAST).note(note);
        int length = 60 + i;
        while (!writer.packet(
            i % 2, SampleCapture.START + 1000L * i, data, 0, length, length, options)) {
          ByteBuffer octets = writer.written();
          while (octets.hasRemaining()) {
            assertThat(channel.write(octets)).isPositive();
          }
          writer.clear();
        }
      }
      ByteBuffer octets = writer.written();
      while (octets.hasRemaining()) {
        assertThat(channel.write(octets)).isPositive();
      }
    }
    assertThat(out("capinfos", "-c", "-d", "-o", "-M", file.toString()).lines().map(String::strip))
        .contains(
            "Number of packets:   1000",
            "Data size:           559500 bytes",
            "Strict time order:   True");
    assertThat(out("tcpdump", "-nn", "-r", file.toString()).lines()).hasSize(1000);
    assertThat(fields(file, "frame.packet_id", "frame.len").lines().skip(998))
        .containsExactly("998|1058", "999|1059");
  }

  /// What editcap writes as pcap.
  @Test
  void readsFilesOfOthers() throws IOException, InterruptedException {
    Path file = sampleFile();
    for (String format : List.of("pcap", "nsecpcap")) {
      Path other = directory.resolve("other." + format);
      out("editcap", "-F", format, file.toString(), other.toString());
      long unit = format.equals("pcap") ? 1000 : 1;
      try (CaptureReader reader = CaptureReader.open(other)) {
        List<Long> times = new ArrayList<>();
        List<Long> lengths = new ArrayList<>();
        for (Optional<CapturedPacket> next = reader.nextPacket();
            next.isPresent();
            next = reader.nextPacket()) {
          times.add(next.get().time());
          lengths.add(next.get().data().byteSize());
        }
        assertThat(times)
            .containsExactlyElementsOf(
                Stream.of(0, 1, 1000, 1001, 1001)
                    .map(after -> (SampleCapture.START + after) / unit * unit)
                    .toList());
        assertThat(lengths).containsExactly(42L, 42L, 58L, 33L, 14L);
        assertThat(reader.truncation()).isEmpty();
      }
    }
  }

  @Test
  void theSampleIsWhatItsReaderReads() throws IOException {
    try (CaptureReader reader = new CaptureReader(new ByteArrayInputStream(sample.octets()))) {
      assertThat(reader.next()).contains(SampleCapture.HEADER);
      assertThat(reader.next()).contains(SampleCapture.INTERFACES.get(0));
      assertThat(reader.next()).contains(SampleCapture.INTERFACES.get(1));
      assertThat(reader.next()).contains(SampleCapture.NAMES);
    }
  }
}
