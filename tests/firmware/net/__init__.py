"""MQTT packets, client and link, in memory and against a real Mosquitto."""
