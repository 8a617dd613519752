import java.io.*;
import java.util.Properties;

/** Changes one property as a Java program does: load, set, store. Without a new value it only prints the property. */
public class LoadStore {
  public static void main(String[] args) throws IOException {
    Properties p = new Properties();
    try (InputStream in = new FileInputStream(args[0])) {
      p.load(in);
    }
    if (args.length == 2) {
      System.out.println(args[1] + ": " + p.getProperty(args[1]));
      return;
    }
    p.setProperty(args[1], args[2]);
    try (OutputStream out = new FileOutputStream(args[0])) {
      p.store(out, null);
    }
  }
}
