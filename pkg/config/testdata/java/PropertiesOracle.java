import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;

/**
 * Returns what java.util.Properties reads from a file.
 *
 * A request on standard input is a mode byte ('L' for load(InputStream), 'U' for load(Reader) in UTF-8), a
 * four-byte length and the file. The response is a four-byte count of entries, or -1 if Java refuses the file,
 * then the key and the value of each entry, each as a four-byte count of UTF-16 units and the units.
 */
public class PropertiesOracle {
  public static void main(String[] args) throws IOException {
    DataInputStream in = new DataInputStream(new BufferedInputStream(System.in));
    DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out));
    for (int mode = in.read(); mode >= 0; mode = in.read()) {
      byte[] file = new byte[in.readInt()];
      in.readFully(file);
      answer(mode, file, out);
      out.flush();
    }
  }

  private static void answer(int mode, byte[] file, DataOutputStream out) throws IOException {
    Properties p = new Properties();
    try {
      if (mode == 'U') {
        p.load(new InputStreamReader(new ByteArrayInputStream(file), StandardCharsets.UTF_8));
      } else {
        p.load(new ByteArrayInputStream(file));
      }
    } catch (IllegalArgumentException e) {
      out.writeInt(-1);
      return;
    }
    out.writeInt(p.size());
    for (String key : p.stringPropertyNames()) {
      write(key, out);
      write(p.getProperty(key), out);
    }
  }

  private static void write(String s, DataOutputStream out) throws IOException {
    out.writeInt(s.length());
    out.writeChars(s);
  }
}
