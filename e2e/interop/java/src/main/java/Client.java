// A client program on Spring's WebSocketStompClient over Tyrus; the token goes in the headers of the upgrade and of
// CONNECT. Commands come on standard input and events go to standard output, a line of JSON each: see dialogue.ts.

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.springframework.messaging.simp.stomp.StompCommand;
import org.springframework.messaging.simp.stomp.StompFrameHandler;
import org.springframework.messaging.simp.stomp.StompHeaders;
import org.springframework.messaging.simp.stomp.StompSession;
import org.springframework.messaging.simp.stomp.StompSessionHandlerAdapter;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;
import org.springframework.util.MimeTypeUtils;
import org.springframework.web.socket.WebSocketHttpHeaders;
import org.springframework.web.socket.client.standard.StandardWebSocketClient;
import org.springframework.web.socket.messaging.WebSocketStompClient;

public final class Client extends StompSessionHandlerAdapter {
  private static final Gson GSON = new Gson();
  private static final PrintStream EVENTS = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  private final Map<String, StompSession.Subscription> subscriptions = new ConcurrentHashMap<>();
  private final Map<String, String> acks = new ConcurrentHashMap<>();
  private StompSession session;

  public static void main(String[] arguments) throws Exception {
    Client client = new Client();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      try {
        client.obey(JsonParser.parseString(line).getAsJsonObject());
      } catch (Exception exception) {
        fail(exception);
      }
    }
    System.exit(0);
  }

  private void obey(JsonObject command) throws Exception {
    switch (command.get("do").getAsString()) {
      case "connect" -> connect(command);
      case "subscribe" -> subscribe(command);
      // Its RECEIPT can't be waited for: a subscription knows of SUBSCRIBE's alone.
      case "unsubscribe" -> subscriptions.get(text(command, "id")).unsubscribe();
      case "send" -> {
        StompHeaders headers = new StompHeaders();
        headers.setDestination(text(command, "destination"));
        headers.setContentType(MimeTypeUtils.APPLICATION_JSON);
        headers.setReceipt(text(command, "receipt"));
        byte[] body = text(command, "body").getBytes(StandardCharsets.UTF_8);
        session.send(headers, body).addReceiptTask(Client::receipted);
      }
      case "ack" -> session.acknowledge(acks.get(text(command, "messageId")), true);
      case "disconnect" -> {
        session.disconnect();
        close();
      }
      default -> throw new IllegalArgumentException("unknown command " + command);
    }
  }

  private void connect(JsonObject command) throws Exception {
    WebSocketStompClient stomp = new WebSocketStompClient(new StandardWebSocketClient());
    ThreadPoolTaskScheduler scheduler = new ThreadPoolTaskScheduler();
    scheduler.afterPropertiesSet();
    // For heart-beats and for receipts.
    stomp.setTaskScheduler(scheduler);
    long heartBeat = command.get("heartBeatMs").getAsLong();
    stomp.setDefaultHeartbeat(new long[] {heartBeat, heartBeat});
    if (command.has("splitLargeFrames")) stomp.setOutboundMessageSizeLimit(8 * 1024);

    String authorization = "Bearer " + text(command, "token");
    WebSocketHttpHeaders upgrade = new WebSocketHttpHeaders();
    upgrade.add("Authorization", authorization);
    StompHeaders connect = new StompHeaders();
    connect.add("Authorization", authorization);
    session = stomp.connectAsync(text(command, "url"), upgrade, connect, this).get();
  }

  private void subscribe(JsonObject command) {
    StompHeaders headers = new StompHeaders();
    command.getAsJsonObject("headers").asMap().forEach((name, value) -> headers.add(name, value.getAsString()));
    headers.setId(text(command, "id"));
    headers.setDestination(text(command, "destination"));
    headers.setAck(text(command, "ack"));
    StompSession.Subscription subscription = session.subscribe(headers, new StompFrameHandler() {
      @Override
      public Type getPayloadType(StompHeaders ignored) {
        return byte[].class;
      }

      @Override
      public void handleFrame(StompHeaders received, Object payload) {
        if (received.getAck() != null) acks.put(received.getMessageId(), received.getAck());
        tell(Map.of("event", "message", "headers", received.toSingleValueMap(), "body", string(payload)));
      }
    });
    if (headers.getReceipt() != null) subscription.addReceiptTask(Client::receipted);
    subscriptions.put(headers.getId(), subscription);
  }

  @Override
  public void afterConnected(StompSession connected, StompHeaders headers) {
    tell(Map.of("event", "connected", "headers", headers.toSingleValueMap()));
  }

  // What is no MESSAGE of a subscription: ERROR.
  @Override
  public Type getPayloadType(StompHeaders headers) {
    return byte[].class;
  }

  @Override
  public void handleFrame(StompHeaders headers, Object payload) {
    tell(Map.of("event", "error", "headers", headers.toSingleValueMap(), "body", string(payload)));
  }

  @Override
  public void handleTransportError(StompSession broken, Throwable exception) {
    exception.printStackTrace();
    close();
  }

  @Override
  public void handleException(
      StompSession broken, StompCommand command, StompHeaders headers, byte[] payload, Throwable exception) {
    fail(exception);
  }

  private static void receipted(StompHeaders headers) {
    tell(Map.of("event", "receipt", "id", headers.getReceiptId(), "headers", headers.toSingleValueMap()));
  }

  private static String text(JsonObject command, String name) {
    return command.has(name) ? command.get(name).getAsString() : null;
  }

  private static String string(Object payload) {
    return new String((byte[]) payload, StandardCharsets.UTF_8);
  }

  private static void tell(Map<String, Object> event) {
    EVENTS.println(GSON.toJson(event));
  }

  private static void close() {
    tell(Map.of("event", "closed"));
    System.exit(0);
  }

  private static void fail(Throwable exception) {
    exception.printStackTrace();
    System.exit(1);
  }
}
