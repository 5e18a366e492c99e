// The newest prediction of rtemo in Unity, by OSC: put it on any game object. Needs `rtemo live --osc HOST:9000`.
// It needs no package; a datagram is a bundle of messages or one message, big-endian, in parts of four bytes.

using System;
using System.Collections.Generic;
using System.Net;
using System.Net.Sockets;
using System.Text;
using UnityEngine;

public class RtemoReceiver : MonoBehaviour
{
    public int port = 9000;
    public float staleAfterSeconds = 2f;

    public string Emotion { get; private set; } = "";      // empty: rtemo makes no statement, see Abstain
    public string Abstain { get; private set; } = "";
    public float Valence { get; private set; } = float.NaN; // -1 to 1
    public float Arousal { get; private set; } = float.NaN;
    public float Confidence { get; private set; }
    public bool Settled { get; private set; }
    public bool Late { get; private set; }
    public IReadOnlyDictionary<string, float> Smoothed => smoothed;

    // Use the values only while this is true.
    public bool IsCurrent => Time.unscaledTime - receivedAt < staleAfterSeconds && Settled && !Late && Abstain == "";

    readonly Dictionary<string, float> smoothed = new Dictionary<string, float>();
    readonly List<string> labels = new List<string>();
    float receivedAt = float.NegativeInfinity;
    UdpClient client;

    void OnEnable()
    {
        client = new UdpClient(new IPEndPoint(IPAddress.Any, port));
    }

    void OnDisable()
    {
        client?.Close(); // null where the port was taken
    }

    void Update()
    {
        while (client.Available > 0)
        {
            IPEndPoint sender = null;
            byte[] datagram = client.Receive(ref sender);
            Read(datagram, 0, datagram.Length);
        }
    }

    void Read(byte[] data, int at, int end)
    {
        if (data[at] != '#')
        {
            ReadMessage(data, at);
            return;
        }
        at += 16; // "#bundle\0" and a time tag
        while (at + 4 <= end)
        {
            int size = ReadInt(data, ref at);
            Read(data, at, at + size);
            at += size;
        }
    }

    void ReadMessage(byte[] data, int at)
    {
        string address = ReadText(data, ref at);
        string types = ReadText(data, ref at);
        var values = new List<object>();
        foreach (char type in types.TrimStart(','))
        {
            if (type == 's') values.Add(ReadText(data, ref at));
            else if (type == 'i') values.Add(ReadInt(data, ref at));
            else if (type == 'f') values.Add(ReadFloat(data, ref at));
            else return;
        }
        Take(address, values);
    }

    void Take(string address, List<object> values)
    {
        switch (address)
        {
            case "/rtemo/labels":
                labels.Clear();
                foreach (object value in values) labels.Add((string)value);
                receivedAt = Time.unscaledTime;
                break;
            case "/rtemo/smoothed":
                for (int k = 0; k < labels.Count && k < values.Count; k++) smoothed[labels[k]] = (float)values[k];
                break;
            case "/rtemo/emotion": Emotion = (string)values[0]; break;
            case "/rtemo/abstain": Abstain = (string)values[0]; break;
            case "/rtemo/valence": Valence = (float)values[0]; break;
            case "/rtemo/arousal": Arousal = (float)values[0]; break;
            case "/rtemo/confidence": Confidence = (float)values[0]; break;
            case "/rtemo/settled": Settled = (int)values[0] == 1; break;
            case "/rtemo/late": Late = (int)values[0] == 1; break;
        }
    }

    static string ReadText(byte[] data, ref int at)
    {
        int end = Array.IndexOf(data, (byte)0, at);
        string text = Encoding.UTF8.GetString(data, at, end - at);
        at = (end + 4) & ~3;
        return text;
    }

    static int ReadInt(byte[] data, ref int at)
    {
        int value = data[at] << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3];
        at += 4;
        return value;
    }

    static float ReadFloat(byte[] data, ref int at)
    {
        return BitConverter.ToSingle(BitConverter.GetBytes(ReadInt(data, ref at)), 0);
    }
}
