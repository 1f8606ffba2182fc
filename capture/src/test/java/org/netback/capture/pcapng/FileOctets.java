package org.netback.capture.pcapng;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;

/// Octets of a capture file in either byte order, laid by hand from the drafts: a second opinion
/// beside [SectionWriter], which also does what that never would.
final class FileOctets {
  private final ByteOrder order;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  FileOctets(ByteOrder order) {
    this.order = order;
  }

  FileOctets body() {
    return new FileOctets(order);
  }

  FileOctets int8(int... octets) {
    for (int octet : octets) {
      out.write(octet);
    }
    return this;
  }

  FileOctets int16(int value) {
    out.writeBytes(ByteBuffer.allocate(2).order(order).putShort((short) value).array());
    return this;
  }

  FileOctets int32(long value) {
    out.writeBytes(ByteBuffer.allocate(4).order(order).putInt((int) value).array());
    return this;
  }

  FileOctets int64(long value) {
    out.writeBytes(ByteBuffer.allocate(8).order(order).putLong(value).array());
    return this;
  }

  /// The upper half first.
  FileOctets time(long value) {
    return int32(value >>> 32).int32(value);
  }

  FileOctets hex(String octets) {
    out.writeBytes(HexFormat.of().parseHex(octets.replace(" ", "")));
    return this;
  }

  FileOctets text(String ascii) {
    out.writeBytes(SampleCapture.ascii(ascii));
    return this;
  }

  FileOctets padded() {
    while (out.size() % 4 != 0) {
      out.write(0);
    }
    return this;
  }

  FileOctets option(int code, FileOctets value) {
    return int16(code).int16(value.out.size()).octets(value).padded();
  }

  FileOctets octets(FileOctets other) {
    out.writeBytes(other.out.toByteArray());
    return this;
  }

  FileOctets block(int type, FileOctets body) {
    int length = body.out.size() + 12;
    return int32(type).int32(length).octets(body).int32(length);
  }

  FileOctets section() {
    return section(body());
  }

  FileOctets section(FileOctets options) {
    return block(0x0a0d0d0a, body().int32(0x1a2b3c4d).int16(1).int16(0).int64(-1).octets(options));
  }

  /// An interface of Ethernet without bound and in microseconds.
  FileOctets port() {
    return port(1, 0, body());
  }

  FileOctets port(int linkType, int snapLength, FileOctets options) {
    return block(1, body().int16(linkType).int16(0xffff).int32(snapLength).octets(options));
  }

  FileOctets packet(int id, long time, String hex, int original, FileOctets options) {
    FileOctets data = body().hex(hex);
    return block(
        6,
        body()
            .int32(id)
            .time(time)
            .int32(data.out.size())
            .int32(original)
            .octets(data)
            .padded()
            .octets(options));
  }

  FileOctets packet(int id, long time, String hex) {
    return packet(id, time, hex, 100, body());
  }

  FileOctets pcap(long magic, int linkType) {
    return int32(magic).int16(2).int16(4).int32(0).int32(0).int32(262144).int32(linkType);
  }

  byte[] toArray() {
    return out.toByteArray();
  }

  int size() {
    return out.size();
  }

  CaptureReader reader() {
    return new CaptureReader(new ByteArrayInputStream(toArray()));
  }
}
